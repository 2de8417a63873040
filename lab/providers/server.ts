/**
 * Serves a stand-in provider over Pulumi's provider protocol.
 *
 * Written against the generated service rather than `@pulumi/pulumi/provider`: that one never forwards
 * Configure, and drops previews, old inputs and detailed diffs. Secrets are not accepted on the wire; the
 * engine then strips them before a call and marks the same properties secret again in the answer.
 */
import * as grpc from "@grpc/grpc-js";
import pluginproto from "@pulumi/pulumi/proto/plugin_pb.js";
import service from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import p from "@pulumi/pulumi/proto/provider_pb.js";
import statusproto from "@pulumi/pulumi/proto/status_pb.js";
import anyproto from "google-protobuf/google/protobuf/any_pb.js";
import emptyproto from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import { PartialCreateError, type Plugin, type ResourceRef } from "./plugin.js";
import { type Props, plain } from "./values.js";

type Call = grpc.ServerUnaryCall<any, any>;
type Method = (request: any) => Promise<unknown> | unknown;

/** Starts to serve and prints the port, as the engine expects. Resolves when the server listens. */
export async function serve(plugin: Plugin): Promise<void> {
  const server = new grpc.Server({
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  const methods = implementationOf(plugin);
  server.addService(
    service.ResourceProviderService,
    Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, handle(method)])),
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  process.stdout.write(`${port}\n`);
}

function handle(method: Method) {
  return async (call: Call, reply: grpc.sendUnaryData<any>) => {
    try {
      reply(null, await method(call.request));
    } catch (error) {
      reply(toStatus(error as Error), null);
    }
  };
}

function toStatus(error: Error): Partial<grpc.StatusObject> {
  if (!(error instanceof PartialCreateError)) return { code: grpc.status.UNKNOWN, details: explain(error) };
  // The id of what was half made travels in the status details; the engine keeps it in its state.
  const detail = new p.ErrorResourceInitFailed();
  detail.setId(error.id);
  detail.setProperties(toStruct(error.outputs));
  detail.setReasonsList([explain(error.cause)]);
  const packed = new anyproto.Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new statusproto.Status();
  status.setCode(grpc.status.UNKNOWN);
  status.setMessage(explain(error.cause));
  status.setDetailsList([packed]);
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return { code: grpc.status.UNKNOWN, details: explain(error.cause), metadata };
}

/** AWS errors carry their code in `name`; a message alone ("Not Found") would explain nothing. */
function explain(error: Error): string {
  const name = error.name && error.name !== "Error" ? `${error.name}: ` : "";
  return process.env.DR_SANDBOX_DEBUG ? `${name}${error.stack}` : `${name}${error.message}`;
}

const toProps = (message: any): Props => (message ? message.toJavaScript() : {});
const toStruct = (props: Props) => struct.Struct.fromJavaScript(plain(props));

function refOf(request: any): ResourceRef {
  const urn: string = request.getUrn();
  const [, , types = "", name = ""] = urn.split("::");
  return { urn, type: types.split("$").at(-1) as string, name };
}

function implementationOf(plugin: Plugin): Record<string, Method> {
  const DiffKind = p.PropertyDiff.Kind;

  const diffResponse = (changes: Readonly<Record<string, string>>, deleteBeforeReplace: boolean) => {
    const response = new p.DiffResponse();
    const names = Object.keys(changes);
    response.setChanges(
      names.length > 0 ? p.DiffResponse.DiffChanges.DIFF_SOME : p.DiffResponse.DiffChanges.DIFF_NONE,
    );
    response.setDiffsList(names);
    response.setReplacesList(names.filter((name) => changes[name]?.endsWith("-replace")));
    response.setDeletebeforereplace(deleteBeforeReplace);
    response.setHasdetaileddiff(true);
    for (const name of names) {
      const detail = new p.PropertyDiff();
      detail.setKind(
        DiffKind[(changes[name] as string).toUpperCase().replace("-", "_") as keyof typeof DiffKind],
      );
      detail.setInputdiff(true);
      response.getDetaileddiffMap().set(name, detail);
    }
    return response;
  };

  return {
    handshake: () => {
      const response = new p.ProviderHandshakeResponse();
      response.setAcceptSecrets(false);
      return response;
    },
    getPluginInfo: () => {
      const info = new pluginproto.PluginInfo();
      info.setVersion(plugin.version);
      return info;
    },
    getSchema: () => {
      const response = new p.GetSchemaResponse();
      response.setSchema("{}");
      return response;
    },
    checkConfig: (request) => {
      const response = new p.CheckResponse();
      response.setInputs(request.getNews());
      return response;
    },
    diffConfig: (request) => {
      const [olds, news] = [toProps(request.getOldInputs() ?? request.getOlds()), toProps(request.getNews())];
      const changes: Record<string, string> = {};
      for (const name of new Set([...Object.keys(olds), ...Object.keys(news)])) {
        if (JSON.stringify(olds[name]) === JSON.stringify(news[name])) continue;
        changes[name] = plugin.replaceOnConfig.includes(name) ? "update-replace" : "update";
      }
      return diffResponse(changes, false);
    },
    configure: async (request) => {
      await plugin.configure(toProps(request.getArgs()));
      const response = new p.ConfigureResponse();
      response.setAcceptsecrets(false);
      response.setSupportspreview(true);
      response.setAcceptresources(false);
      response.setAcceptoutputs(false);
      return response;
    },
    invoke: async (request) => {
      const response = new p.InvokeResponse();
      response.setReturn(toStruct(await plugin.invoke(request.getTok(), toProps(request.getArgs()))));
      return response;
    },
    check: async (request) => {
      const { inputs, failures } = await plugin.check(
        refOf(request),
        toProps(request.getOlds()),
        toProps(request.getNews()),
        request.getRandomseed_asU8(),
      );
      const response = new p.CheckResponse();
      response.setInputs(toStruct(inputs));
      response.setFailuresList(
        failures.map(({ property, reason }) => {
          const failure = new p.CheckFailure();
          failure.setProperty(property);
          failure.setReason(reason);
          return failure;
        }),
      );
      return response;
    },
    diff: async (request) => {
      const { changes, deleteBeforeReplace } = await plugin.diff(
        refOf(request),
        toProps(request.getOldInputs()),
        toProps(request.getOlds()),
        toProps(request.getNews()),
        request.getIgnorechangesList(),
      );
      return diffResponse(changes, deleteBeforeReplace);
    },
    create: async (request) => {
      const { id, outputs } = await plugin.create(
        refOf(request),
        toProps(request.getProperties()),
        request.getPreview(),
      );
      const response = new p.CreateResponse();
      response.setId(id);
      response.setProperties(toStruct(outputs));
      return response;
    },
    read: async (request) => {
      const found = await plugin.read(
        refOf(request),
        request.getId(),
        toProps(request.getInputs()),
        toProps(request.getProperties()),
      );
      const response = new p.ReadResponse();
      // An empty id is the protocol's word for "it is gone".
      if (!found) return response;
      response.setId(found.id);
      response.setInputs(toStruct(found.inputs));
      response.setProperties(toStruct(found.outputs));
      return response;
    },
    update: async (request) => {
      const outputs = await plugin.update(
        refOf(request),
        request.getId(),
        toProps(request.getOlds()),
        toProps(request.getNews()),
        request.getPreview(),
        request.getOldInputs() && toProps(request.getOldInputs()),
      );
      const response = new p.UpdateResponse();
      response.setProperties(toStruct(outputs));
      return response;
    },
    delete: async (request) => {
      await plugin.delete(refOf(request), request.getId(), toProps(request.getProperties()));
      return new emptyproto.Empty();
    },
    cancel: () => new emptyproto.Empty(),
    attach: () => new emptyproto.Empty(),
  };
}
