import { CniError, ErrorCode } from "./error.ts";
import { isObject, type JsonObject, jsonType } from "./json.ts";

/** What is wrong, as an ajv validator compiled with `verbose` says it. */
export interface SchemaError {
  /** JSON pointer of the value. */
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
  /** The value found. */
  readonly data?: unknown;
  /** The schema that the keyword stands in. */
  readonly parentSchema?: object;
}

/** A validator that build/generate.ts compiled from a schema. */
export interface Validator<Config> {
  (data: unknown): data is Config;
  errors?: readonly SchemaError[] | null;
}

/**
 * A configuration checked against its schema, and typed by it.
 *
 * Keys that the schema knows are found without regard to case and come out as the schema spells them; the last of
 * several wins, and null is as if the key were absent: Go reads so, and runtimes rely on it. Unknown keys are kept.
 *
 * @param what what is being read, for the error: `bridge configuration`.
 * @throws CniError (invalidConfig) as {@link invalidConfig}.
 */
export function decodeConfig<Config>(
  schema: object,
  validate: Validator<Config>,
  raw: JsonObject,
  what: string,
): Config {
  const config = canonicalize(schema as SchemaNode, raw);
  if (validate(config)) return config;
  const error = mostSpecific(validate.errors ?? []);
  const path = [...pointerSteps(error.instancePath), ...missingKey(error)];
  throw invalidConfig(what, path.reduce(joinPath, ""), valueFound(error), describeAllowed(error));
}

/**
 * The error for a value that is not allowed, also for checks that no schema can make.
 *
 * @param path where the value is: `ipam.ranges[0][1].subnet`.
 * @param allowed what would be right: `an integer from 0 to 4094`.
 */
export function invalidConfig(what: string, path: string, found: unknown, allowed: string): CniError {
  const problem = found === undefined ? "is missing" : "is not allowed";
  return new CniError(ErrorCode.invalidConfig, `Cannot read ${what}: ${path || "the whole"} ${problem}`, {
    details: `${path || "/"}: found ${describeFound(found)}, allowed: ${allowed}`,
  });
}

/**
 * A text of a configuration as `parse` reads it.
 *
 * @throws CniError as {@link invalidConfig} where `parse` throws.
 */
export function readAs<Value>(
  parse: (text: string) => Value,
  what: string,
  path: string,
  text: string,
  allowed: string,
): Value {
  try {
    return parse(text);
  } catch {
    throw invalidConfig(what, path, text, allowed);
  }
}

interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
}

function canonicalize(schema: SchemaNode, value: unknown): unknown {
  const node = chooseAlternative(schema, value);
  if (Array.isArray(value))
    return node.items === undefined ? value : value.map((item) => canonicalize(node.items ?? {}, item));
  if (!isObject(value)) return value;
  const properties = node.properties ?? {};
  const rest = isObject(node.additionalProperties) ? (node.additionalProperties as SchemaNode) : {};
  const spelling = new Map(Object.keys(properties).map((key) => [key.toLowerCase(), key]));
  const entries = Object.entries(value).flatMap(([key, item]): [string, unknown][] => {
    if (item === null) return [];
    const known = Object.hasOwn(properties, key) ? key : spelling.get(key.toLowerCase());
    return [[known ?? key, canonicalize((known === undefined ? undefined : properties[known]) ?? rest, item)]];
  });
  return Object.fromEntries(entries);
}

/** Where a schema offers several shapes, the one whose JSON type is that of the value. */
function chooseAlternative(schema: SchemaNode, value: unknown): SchemaNode {
  const alternatives = schema.anyOf ?? schema.oneOf;
  return alternatives?.find(({ type }) => type === undefined || [type].flat().includes(jsonType(value))) ?? schema;
}

/** Where alternatives failed, each of them left an error: the deepest is about the one that was meant. */
function mostSpecific(errors: readonly SchemaError[]): SchemaError {
  const depth = (error: SchemaError) => pointerSteps(error.instancePath).length;
  const deepest = Math.max(...errors.map(depth));
  const error = errors.findLast((candidate) => depth(candidate) === deepest);
  return error ?? { instancePath: "", keyword: "", params: {}, message: "valid" };
}

function missingKey({ keyword, params }: SchemaError): string[] {
  if (keyword === "required") return [String(params["missingProperty"])];
  if (keyword === "additionalProperties") return [String(params["additionalProperty"])];
  return [];
}

function valueFound({ keyword, params, data }: SchemaError): unknown {
  if (keyword === "required") return undefined;
  return keyword === "additionalProperties" && isObject(data) ? data[String(params["additionalProperty"])] : data;
}

function describeAllowed({ keyword, params, parentSchema = {}, message = "" }: SchemaError): string {
  const parent = parentSchema as SchemaNode;
  if (keyword === "required") return describeSchema(parent.properties?.[String(params["missingProperty"])] ?? {});
  if (keyword === "additionalProperties") return `only ${Object.keys(parent.properties ?? {}).join(", ")}`;
  return describeSchema(parent) || message;
}

/** What a schema allows, in words. */
function describeSchema(schema: object): string {
  const s = schema as Readonly<Record<string, unknown>>;
  if (Array.isArray(s["enum"])) return s["enum"].map((value) => JSON.stringify(value)).join(", ");
  if ("const" in s) return JSON.stringify(s["const"]);
  const alternatives = s["anyOf"] ?? s["oneOf"];
  if (Array.isArray(alternatives)) return alternatives.map(describeSchema).join(", or ");
  const types = [s["type"]].flat().filter((type) => typeof type === "string");
  const type = types.map((type) => (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`)).join(" or ");
  const bounds = (least: unknown, most: unknown, unit: string) => {
    if (least !== undefined && most !== undefined) return [`from ${least} to ${most}${unit}`];
    if (least !== undefined) return [`of at least ${least}${unit}`];
    return most === undefined ? [] : [`of at most ${most}${unit}`];
  };
  return [
    type,
    ...bounds(s["minimum"], s["maximum"], ""),
    ...bounds(s["minLength"], s["maxLength"], " characters"),
    ...bounds(s["minItems"], s["maxItems"], " items"),
    ...(s["pattern"] === undefined ? [] : [`matching ${s["pattern"]}`]),
  ].join(" ");
}

function describeFound(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

function pointerSteps(pointer: string): string[] {
  const steps = pointer.split("/").slice(1);
  return steps.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function joinPath(path: string, step: string): string {
  if (/^\d+$/.test(step)) return `${path}[${step}]`;
  return path === "" ? step : `${path}.${step}`;
}
