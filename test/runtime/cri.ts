/**
 * Calls one method of containerd's RuntimeService, as kubelet does, and prints the answer.
 *
 *     cri.ts METHOD [REQUEST]      e.g. cri.ts StopPodSandbox '{"pod_sandbox_id": "1f0c…"}'
 *
 * Request and answer are JSON with the field names of runtime.proto. An error of the runtime goes to standard error,
 * exit status 1.
 */
import { join } from "node:path";
import type { GrpcObject, ServiceClientConstructor } from "@grpc/grpc-js";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const socket = "unix:///run/containerd/containerd.sock";
/** kubelet's `runtimeRequestTimeout` is 2 minutes; here everything is local. */
const deadlineSeconds = 60;

const [method = "", request = "{}"] = process.argv.slice(2);

const definition = loadSync(join(import.meta.dirname, "runtime.proto"), {
  keepCase: true,
  defaults: true,
  enums: String,
  longs: Number,
});
const { v1 } = loadPackageDefinition(definition)["runtime"] as GrpcObject;
const RuntimeService = (v1 as GrpcObject)["RuntimeService"] as ServiceClientConstructor;
const call = RuntimeService.service[method];
if (call === undefined) {
  process.stderr.write(`No method ${method}: there are ${Object.keys(RuntimeService.service).join(" ")}\n`);
  process.exit(2);
}

const client = new RuntimeService(socket, credentials.createInsecure());
const options = { deadline: Date.now() + deadlineSeconds * 1000 };
client.makeUnaryRequest(
  call.path,
  call.requestSerialize,
  call.responseDeserialize,
  JSON.parse(request),
  options,
  (error, answer) => {
    client.close();
    if (error !== null) {
      process.stderr.write(`${method}: ${error.details}\n`);
      process.exitCode = 1;
      return;
    }
    process.stdout.write(`${JSON.stringify(answer, textForBytes)}\n`);
  },
);

function textForBytes(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const original = this[key];
  return Buffer.isBuffer(original) ? original.toString() : value;
}
