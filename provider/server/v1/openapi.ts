import * as z from "zod";
import { ErrorAnswer } from "../../vault/remote/error-shape.js";
import { type Operation, OPERATIONS } from "../../vault/remote/operations.js";
import { REQUEST_HEADER, SERVER_HEADER, SOURCE_HEADER } from "../../vault/remote/wire.js";
import { VALUE_ROUTE } from "./value-route.js";

const DOES: Readonly<Record<Operation["kind"], string>> = {
  ask: "Changes nothing; may be sent again.",
  change: `Carried out once for each ${REQUEST_HEADER}.`,
  list: "Answered with one JSON object a line: `item` each, and `end` last; `error` in its place if it broke off.",
};

/** The OpenAPI 3.1 document of `/v1`, made of the schemas that requests and answers are parsed with. */
export function describeApi(): object {
  const paths = Object.entries<Operation>(OPERATIONS).map(([name, operation]) => [
    `/v1/${name}`,
    { post: describe(name, operation) },
  ]);
  return {
    openapi: "3.1.0",
    info: {
      title: "Coffre",
      version: "1",
      description:
        "The vault port over HTTP. Every request is a POST with a JSON body, so that no name and no value stands in a URL; but for " +
        `GET ${VALUE_ROUTE}, for machines that can only ask by one.`,
    },
    security: [{ token: [] }],
    paths: { ...(Object.fromEntries(paths) as object), [VALUE_ROUTE]: { get: describeValue() } },
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "`coffre token create` makes one." } },
      schemas: { Error: wireSchema(ErrorAnswer) },
    },
  };
}

function describe(name: string, { kind, input, output }: Operation): object {
  const header = (header: string, description: string, required: boolean) => ({
    name: header,
    in: "header",
    required,
    description,
    schema: { type: "string" },
  });
  return {
    operationId: name,
    description: DOES[kind],
    parameters: [
      header(SOURCE_HEADER, "The caller's machine, by which refused logins of a host are counted.", false),
      ...(kind === "change"
        ? [
            header(REQUEST_HEADER, "A random id of the change.", true),
            header(
              SERVER_HEADER,
              "Of a change that is sent again: which start of the server it was sent to first.",
              false,
            ),
          ]
        : []),
    ],
    requestBody: { required: true, content: { "application/json": { schema: wireSchema(input) } } },
    responses: {
      200: {
        description: "It was done.",
        content:
          kind === "list"
            ? { "application/x-ndjson": { schema: wireSchema(z.object({ item: output })) } }
            : { "application/json": { schema: wireSchema(z.object({ value: output })) } },
      },
      default: {
        description: "It failed, and changed nothing.",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}

function describeValue(): object {
  const answer = z.object({
    ref: z.string(),
    id: z.string(),
    version: z.int(),
    field: z.string(),
    type: z.enum(["text", "secret", "file"]),
    encoding: z.enum(["utf8", "base64"]),
    username: z.string().nullable(),
    value: z.string(),
  });
  const parameter = (name: string, place: "query" | "header", required: boolean, description: string) => ({
    name,
    in: place,
    required,
    description,
    schema: { type: "string" },
  });
  return {
    operationId: "value",
    description: "One value, read as `read-many` reads it.",
    parameters: [
      parameter("ref", "query", true, "A reference; by id, no name stands in the URL."),
      parameter(
        "if-none-match",
        "header",
        false,
        "The ETag of an earlier answer: 304 if its version is still the one.",
      ),
    ],
    responses: {
      200: { description: "The value.", content: { "application/json": { schema: wireSchema(answer) } } },
      304: { description: "The version of that ETag is still the one; nothing was read." },
      default: {
        description: "It failed.",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}

/** As it travels: values are texts. */
function wireSchema(schema: z.ZodType): object {
  return z.toJSONSchema(schema, { io: "input", target: "draft-2020-12", unrepresentable: "any" });
}
