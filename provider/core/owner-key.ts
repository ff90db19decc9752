/** Where a resource is declared: the parts that make a Pulumi URN unique. */
export interface OwnerKeyParts {
  /** `coffre:owner`, which tells two backends apart that hold a stack of the same name. */
  owner?: string;
  project: string;
  stack: string;
  /** Type tokens of the parents, outermost first, without the stack itself. Empty at the top of a program. */
  parentTypes: readonly string[];
  /** The resource's own kind, for example `Credential`. */
  kind: string;
  /** The logical name. */
  name: string;
}

/**
 * One stable text for where a resource is declared (`protocol.md` section 6): equal for equal parts, different for
 * any that differ. `shop/prod/Credential/orders-app`; with parents, `shop/prod/acme:index:Site$Credential/orders-app`.
 */
export function ownerKey({ owner, project, stack, parentTypes, kind, name }: OwnerKeyParts): string {
  const types = [...parentTypes, kind].map(encodePart).join("$");
  return [
    ...(owner === undefined ? [] : [encodePart(owner)]),
    encodePart(project),
    encodePart(stack),
    types,
    encodePart(name),
  ].join("/");
}

// The two separators and the escape itself; anything more would only make the key longer, and it stands in every state.
function encodePart(part: string): string {
  return part.replaceAll("%", "%25").replaceAll("/", "%2F").replaceAll("$", "%24");
}
