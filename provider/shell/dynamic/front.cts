import type { Kind } from "../front.js" with { "resolution-mode": "import" };

/** What the dynamic provider plugin hands to `configure`. */
interface ConfigureRequest {
  config: { get(key: string): string | undefined };
}
type Properties = Record<string, unknown>;

const handlers = () => import("../front.js");

/**
 * The methods of one resource as the SDK's dynamic provider plugin calls them. The plugin finds a provider in its cache
 * before `configure` has answered, so what `configure` keeps is kept at once.
 */
function front(kind: Kind) {
  let config: ConfigureRequest["config"] = { get: () => undefined };
  const lookup = (key: string) => config.get(key);
  return {
    configure(request: ConfigureRequest): Promise<void> {
      config = request.config;
      return Promise.resolve();
    },
    check: async (olds: Properties, news: Properties) => (await handlers()).check(kind, lookup, olds, news),
    diff: async (id: string, olds: Properties, news: Properties) =>
      (await handlers()).diff(kind, lookup, id, olds, news),
    create: async (news: Properties) => (await handlers()).create(kind, lookup, news),
    read: async (id: string, props: Properties) => (await handlers()).read(kind, lookup, id, props),
    update: async (id: string, olds: Properties, news: Properties) =>
      (await handlers()).update(kind, lookup, id, olds, news),
    delete: async (id: string, props: Properties) => (await handlers()).remove(kind, lookup, id, props),
  };
}

module.exports = { front };
