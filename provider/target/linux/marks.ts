/**
 * What Coffre leaves in an account's comment field, where people see it too (`getent passwd`). `made`: a creation whose
 * reply was lost is known again as ours. `disabled`: what Coffre disabled Coffre enables again; anybody else's lock is
 * respected.
 */
export const MARKS = { made: "(made by Coffre)", disabled: "(disabled by Coffre)" } as const;

/**
 * The day on which an account that Coffre disabled has ended: 1971-11-03, the date of the first Unix manual. No day that
 * people type: useradd's and usermod's own pages, and most guides, end an account on 1 or 1970-01-02, and who opens an
 * account by hand and locks it again leaves the mark in the comment.
 */
export const DISABLED_DAY = 671;

/**
 * The part of a comment field that counts: the fifth, "other". The account itself may write some of those before it, such as
 * the room (`chfn`); only root this one.
 */
export function otherOf(gecos: string): string {
  return gecos.split(",").slice(4).join(",");
}

/** Locked hashes are known by their first sign; longer ones than this hold a password that is locked away. */
export const LONGEST_WITHOUT_HASH = 3;

/**
 * Lines for scripts. They read $p and $s, the account's entries of passwd and shadow; see RootShell for what they may hold. What every
 * rotation runs takes entries apart by the shell itself: with a process for each field a look and a set took a tenth longer.
 */
export const MARK_SCRIPTS = {
  /** $g: the comment; $o: its fifth part, with all that follows; $d: the home. */
  read: `r=\${p#*:}; r=\${r#*:}; r=\${r#*:}; r=\${r#*:}; g=\${r%%:*}; r=\${r#*:}; d=\${r%%:*}; o=; case "$g" in *,*,*,*,*) o=\${g#*,}; o=\${o#*,}; o=\${o#*,}; o=\${o#*,};; esac`,
  /** $off: set if the account is as Coffre disables one: marked, locked, and ended on that very day. */
  off: `off=; h=\${s#*:}; case "$o" in *"${MARKS.disabled}"*) case "$h" in :*|[.-9A-z$]*) ;; *) test "$(echo "$s" | cut -d: -f8)" = ${DISABLED_DAY} && off=1;; esac;; esac`,
  /** $theirs: set if there is a password and somebody has locked it away. After `off`, by somebody else. */
  theirs: `theirs=; h=\${s#*:}; h=\${h%%:*}; case "$h" in [.-9A-z$]*) ;; *) test \${#h} -gt ${LONGEST_WITHOUT_HASH} && theirs=1;; esac`,
  /** $c: the comment with the mark, which stays alone. */
  marked: `c="$g"; case "$o" in *"${MARKS.disabled}"*) ;; *) f() { echo "$g" | cut -s -d, -f$1; }; o="$o ${MARKS.disabled}"; c="$(echo "$g" | cut -d, -f1),$(f 2),$(f 3),$(f 4),\${o# }";; esac`,
} as const;
