/**
 * Messages of D-Bus as far as a caller of simple methods needs them: arguments are strings, an answer is a string, a
 * boolean or nothing (D-Bus specification, "Message Protocol").
 */
export interface MethodCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly args: readonly string[];
}

/** What came back: `error` is the name of an error, `value` then its text. */
export interface Reply {
  readonly replyTo: number;
  readonly error?: string;
  readonly value?: string | boolean;
}

const MessageType = { call: 1, return: 2, error: 3 } as const;
const Field = { path: 1, interface: 2, member: 3, errorName: 4, replySerial: 5, destination: 6, signature: 8 } as const;

export function encodeCall(call: MethodCall, serial: number): Buffer {
  const body = new Marshaller();
  for (const arg of call.args) body.string(arg);
  const message = new Marshaller();
  message.bytes(Buffer.from("l"), Buffer.of(MessageType.call, 0, 1));
  message.u32(body.length);
  message.u32(serial);
  const fields = new Marshaller();
  fields.field(Field.path, "o", call.path);
  fields.field(Field.interface, "s", call.interface);
  fields.field(Field.member, "s", call.member);
  fields.field(Field.destination, "s", call.destination);
  if (call.args.length > 0) fields.field(Field.signature, "g", "s".repeat(call.args.length));
  message.u32(fields.length);
  message.bytes(fields.buffer);
  message.align(8);
  message.bytes(body.buffer);
  return message.buffer;
}

class Marshaller {
  #parts: Buffer[] = [];
  length = 0;

  get buffer(): Buffer {
    return Buffer.concat(this.#parts);
  }

  bytes(...parts: Buffer[]): void {
    for (const part of parts) {
      this.#parts.push(part);
      this.length += part.length;
    }
  }

  align(to: number): void {
    this.bytes(Buffer.alloc((to - (this.length % to)) % to));
  }

  u32(value: number): void {
    this.align(4);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    this.bytes(bytes);
  }

  string(text: string): void {
    const bytes = Buffer.from(text, "utf8");
    this.u32(bytes.length);
    this.bytes(bytes, Buffer.alloc(1));
  }

  signature(text: string): void {
    this.bytes(Buffer.of(text.length), Buffer.from(text), Buffer.alloc(1));
  }

  field(code: number, type: "o" | "s" | "g", value: string): void {
    this.align(8);
    this.bytes(Buffer.of(code));
    this.signature(type);
    if (type === "g") this.signature(value);
    else this.string(value);
  }
}

/**
 * The message at the start of `bytes`, and where it ends; undefined while it is not all there. Signals and other
 * messages that answer nothing have no `replyTo`.
 */
export function readMessage(bytes: Buffer): { reply: Reply | undefined; end: number } | undefined {
  if (bytes.length < 16) return undefined;
  const bodyLength = bytes.readUInt32LE(4);
  const fieldsEnd = 16 + bytes.readUInt32LE(12);
  const bodyStart = Math.ceil(fieldsEnd / 8) * 8;
  const end = bodyStart + bodyLength;
  if (bytes.length < end) return undefined;
  const fields = readFields(bytes.subarray(0, fieldsEnd));
  const replyTo = fields.get(Field.replySerial);
  if (typeof replyTo !== "number") return { reply: undefined, end };
  const value = readValue(bytes.subarray(bodyStart, end), String(fields.get(Field.signature) ?? ""));
  const error = bytes[1] === MessageType.error ? String(fields.get(Field.errorName)) : undefined;
  const reply = { replyTo, ...(error !== undefined && { error }), ...(value !== undefined && { value }) };
  return { reply, end };
}

function readFields(bytes: Buffer): Map<number, string | number> {
  const fields = new Map<number, string | number>();
  for (let offset = 16; offset < bytes.length; ) {
    offset = Math.ceil(offset / 8) * 8;
    const code = bytes.readUInt8(offset);
    const type = bytes.toString("latin1", offset + 2, offset + 3);
    offset += 4;
    if (type === "g") {
      const length = bytes.readUInt8(offset);
      fields.set(code, bytes.toString("latin1", offset + 1, offset + 1 + length));
      offset += length + 2;
      continue;
    }
    offset = Math.ceil(offset / 4) * 4;
    const number = bytes.readUInt32LE(offset);
    offset += 4;
    if (type === "u") {
      fields.set(code, number);
      continue;
    }
    fields.set(code, bytes.toString("utf8", offset, offset + number));
    offset += number + 1;
  }
  return fields;
}

function readValue(body: Buffer, signature: string): string | boolean | undefined {
  if (signature.startsWith("b")) return body.readUInt32LE(0) !== 0;
  if (signature.startsWith("s")) return body.toString("utf8", 4, 4 + body.readUInt32LE(0));
  return undefined;
}
