import type { Switch, User } from "./switch.ts";

const SHORTEST_PASSWORD = 8;

/** What the next line that is typed answers. */
type Prompt = "login" | "password" | "command" | "old-password" | "new-password" | "same-password";

/** One connection's talk with the switch. */
export class Dialogue {
  readonly #device: Switch;
  readonly #write: (text: string) => void;
  #prompt: Prompt = "login";
  #user = "";
  #enabled = false;
  /** The configuration that is being written, which `commit` brings into force. */
  #candidate: Map<string, User & { password?: string }> | undefined;
  /** Whose new password is asked for, and what was typed first. */
  #changing = { user: "", first: "" };

  constructor(device: Switch, write: (text: string) => void) {
    this.#device = device;
    this.#write = write;
  }

  begin(): void {
    this.#ask("login", "login: ");
  }

  /** One line that was typed. @returns false at the end of the talk */
  take(line: string): boolean {
    switch (this.#prompt) {
      case "login":
        this.#user = line;
        this.#ask("password", "Password: ");
        return true;
      case "password":
        if (!this.#device.admits(this.#user, line)) return this.#end("% Login invalid");
        this.#say("Welcome to switch-1.");
        return true;
      case "old-password":
        if (!this.#device.admits(this.#user, line)) return this.#end("% Wrong password");
        this.#ask("new-password", "New password: ");
        return true;
      case "new-password":
        this.#changing.first = line;
        this.#ask("same-password", "Again: ");
        return true;
      case "same-password":
        this.#say(this.#changePassword(line));
        return true;
      case "command":
        this.#device.log.push(`${this.#user}: ${line}`);
        return this.#command(line.trim());
    }
  }

  #command(line: string): boolean {
    if (line === "exit") return this.#end("Bye.");
    if (line === "password") {
      this.#changing = { user: this.#user, first: "" };
      this.#ask("old-password", "Old password: ");
      return true;
    }
    const [, named, what] = /^username (\S+) secret$|^(.*)$/.exec(line) ?? [];
    if (named !== undefined && this.#candidate?.has(named)) {
      this.#changing = { user: named, first: "" };
      this.#ask("new-password", "New password: ");
      return true;
    }
    this.#say(this.#candidate ? this.#configure(what ?? line, this.#candidate) : this.#execute(line));
    return true;
  }

  #execute(line: string): string {
    const [, shown] = /^show user (\S+)$/.exec(line) ?? [];
    if (line === "enable") {
      this.#enabled = this.#device.users.get(this.#user)?.privileged === true;
      return this.#enabled ? "" : "% Access denied";
    }
    if (shown !== undefined && this.#enabled) {
      const user = this.#device.users.get(shown);
      return user ? `user ${shown} ${user.enabled ? "enabled" : "disabled"} "${user.description}"` : "% No such user";
    }
    if (line === "configure terminal" && this.#enabled) {
      if (this.#device.configuredBy) return "% Configuration is locked";
      this.#device.configuredBy = this;
      this.#candidate = new Map([...this.#device.users].map(([name, user]) => [name, { ...user }]));
      return "";
    }
    return line === "" || line.startsWith("send log ") ? "" : "% Unknown command";
  }

  #configure(line: string, candidate: Map<string, User & { password?: string }>): string {
    const [, no, name = "", what = "", text = ""] =
      /^(no )?username (\S+)(?: (enable|disable|description) ?(.*))?$/.exec(line) ?? [];
    const user = candidate.get(name);
    if (line === "commit") return this.#commit(candidate);
    if (line === "end") return this.#leave();
    if (no !== undefined) return candidate.delete(name) ? "" : "% No such user";
    if (what === "description") {
      const made = { hash: "", enabled: true, privileged: false };
      candidate.set(name, { ...made, ...user, description: text });
      return "";
    }
    if (!user || what === "") return name === "" ? "% Unknown command" : "% No such user";
    candidate.set(name, { ...user, enabled: what === "enable" });
    return "";
  }

  /** All of it or nothing. */
  #commit(candidate: Map<string, User & { password?: string }>): string {
    const { users } = this.#device;
    for (const name of users.keys()) if (!candidate.has(name)) users.delete(name);
    for (const [name, { password, ...user }] of candidate) {
      users.set(name, user);
      if (password !== undefined) this.#device.give(name, password);
    }
    return "% Committed";
  }

  #leave(): string {
    this.#candidate = undefined;
    this.#device.configuredBy = undefined;
    return "";
  }

  #changePassword(again: string): string {
    const { user, first } = this.#changing;
    if (first !== again) return "% Passwords differ";
    if (first.length < SHORTEST_PASSWORD) return "% Password too short";
    const waiting = this.#candidate?.get(user);
    if (waiting) waiting.password = first;
    else this.#device.give(user, first);
    return waiting ? "% Accepted" : "% Changed";
  }

  #ask(prompt: Prompt, text: string): void {
    this.#prompt = prompt;
    this.#write(text);
  }

  #say(text: string): void {
    const mode = this.#candidate ? "(config)#" : this.#enabled ? "#" : ">";
    this.#ask("command", `${text === "" ? "" : `${text}\r\n`}switch-1${mode} `);
  }

  #end(text: string): false {
    this.#write(`${text}\r\n`);
    return false;
  }
}
