import { changedPaths, isUnknown, replacingPaths } from "./compare.mjs";

/**
 * @typedef {import("./object-store.mjs").ObjectStore} ObjectStore
 * @typedef {import("./object-store.mjs").KubeObject} KubeObject
 * @typedef {import("./object-store.mjs").StoreConfig} StoreConfig
 * @typedef {(call: { request: any }, reply: (error: any, response?: unknown) => void) => void} Unary
 */

/** Where an object's state keeps what the program gave, as Pulumi's own plugin does. */
const INPUTS = "__inputs";

/**
 * The calls of Pulumi's ResourceProvider service.
 * @param {{ pulumi: NodeJS.Require, version: string, makeStore: (config: StoreConfig) => ObjectStore }} options
 * `version` of the plugin that this stands in for
 * @returns {import("@grpc/grpc-js").UntypedServiceImplementation}
 */
export function answerWith({ pulumi, version, makeStore }) {
  /** @type {typeof import("@pulumi/pulumi/proto/provider_pb.js")} */
  const messages = pulumi("@pulumi/pulumi/proto/provider_pb");
  /** @type {typeof import("@pulumi/pulumi/proto/plugin_pb.js")} */
  const plugin = pulumi("@pulumi/pulumi/proto/plugin_pb");
  /** @type {typeof import("google-protobuf/google/protobuf/empty_pb.js")} */
  const empty = pulumi("google-protobuf/google/protobuf/empty_pb");
  /** @type {typeof import("google-protobuf/google/protobuf/struct_pb.js")} */
  const structs = pulumi("google-protobuf/google/protobuf/struct_pb");
  /** @param {unknown} value */
  const struct = (value) => structs.Struct.fromJavaScript(JSON.parse(JSON.stringify(value)));
  /** @param {{ toJavaScript(): unknown } | undefined} value @returns {any} */
  const plain = (value) => withoutSecrets(value?.toJavaScript() ?? {});
  /** @type {ObjectStore | undefined} */
  let configured;
  const store = () => (configured ??= makeStore({}));

  /** @param {any} request @param {any} [response] */
  const checked = (request, response = new messages.CheckResponse()) => {
    response.setInputs(request.getNews());
    return response;
  };
  /** @type {Record<string, (request: any) => unknown>} */
  const answers = {
    getPluginInfo: () => {
      const info = new plugin.PluginInfo();
      info.setVersion(`${version}+stand-in`); // An older one would be warned of in each run.
      return info;
    },
    checkConfig: (request) => checked(request),
    diffConfig: (request) => {
      const response = new messages.DiffResponse();
      const isSame = changedPaths(plain(request.getOlds()), plain(request.getNews())).length === 0;
      response.setChanges(isSame ? diffChanges(messages).DIFF_NONE : diffChanges(messages).DIFF_SOME);
      return response;
    },
    configure: (request) => {
      const { kubeconfig, context, namespace } = plain(request.getArgs());
      configured = makeStore({ kubeconfig, context, namespace });
      const response = new messages.ConfigureResponse();
      response.setSupportspreview(true);
      return response;
    },
    check: (request) => {
      const inputs = store().complete(nameOf(request.getUrn()), plain(request.getNews()), plain(request.getOlds()));
      const response = new messages.CheckResponse();
      response.setInputs(struct(inputs));
      return response;
    },
    diff: async (request) => {
      const [olds, news] = [plain(request.getOlds())[INPUTS] ?? {}, plain(request.getNews())];
      const changes = changedPaths(olds, news);
      const replaces = replacingPaths(olds, changes);
      // What would be refused is refused in the preview already; a replacement is looked at when it is created.
      if (changes.length > 0 && replaces.length === 0 && !isUnknown(news)) await store().apply(news, { dryRun: true });
      const response = new messages.DiffResponse();
      response.setChanges(changes.length === 0 ? diffChanges(messages).DIFF_NONE : diffChanges(messages).DIFF_SOME);
      response.setDiffsList([...new Set(changes.map((path) => path[0] ?? ""))]);
      response.setReplacesList([...new Set(replaces.map((path) => path[0] ?? ""))]);
      const isNamed = news.metadata?.annotations?.["pulumi.com/autonamed"] !== "true";
      response.setDeletebeforereplace(replaces.length > 0 && isNamed && keyOf(olds) === keyOf(news));
      return response;
    },
    create: async (request) => {
      const inputs = plain(request.getProperties());
      const response = new messages.CreateResponse();
      const isPreview = request.getPreview();
      // An object in a namespace that this update makes is refused by the dry run, and right all the same.
      const object = isPreview ? await preview(store(), inputs) : await store().apply(inputs, { dryRun: false });
      if (!isPreview) await store().waitFor(object, request.getTimeout() * 1000);
      response.setId(isPreview ? "" : idOf(object));
      response.setProperties(struct({ ...object, [INPUTS]: inputs }));
      return response;
    },
    read: async (request) => {
      const inputs = plain(request.getInputs());
      const known = inputs.kind === undefined ? (plain(request.getProperties())[INPUTS] ?? {}) : inputs;
      const object = known.kind === undefined ? undefined : await store().read(known);
      const response = new messages.ReadResponse();
      if (object === undefined) return response;
      response.setId(idOf(object));
      response.setInputs(struct(known));
      response.setProperties(struct({ ...object, [INPUTS]: known }));
      return response;
    },
    update: async (request) => {
      const inputs = plain(request.getNews());
      const isPreview = request.getPreview();
      const object = isPreview ? await preview(store(), inputs) : await store().apply(inputs, { dryRun: false });
      if (!isPreview) await store().waitFor(object, request.getTimeout() * 1000);
      const response = new messages.UpdateResponse();
      response.setProperties(struct({ ...object, [INPUTS]: inputs }));
      return response;
    },
    delete: async (request) => {
      const object = plain(request.getProperties());
      await store().remove(object[INPUTS] ?? object);
      return new empty.Empty();
    },
    cancel: () => new empty.Empty(),
  };
  return Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, unary(answer)]));
}

/** @param {typeof import("@pulumi/pulumi/proto/provider_pb.js")} messages */
const diffChanges = (messages) => messages.DiffResponse.DiffChanges;

/** @param {(request: any) => unknown} answer @returns {Unary} */
function unary(answer) {
  return (call, reply) => {
    Promise.resolve()
      .then(() => answer(call.request))
      .then(
        (response) => reply(null, response),
        (error) => reply({ code: 2, details: error instanceof Error ? error.message : String(error) }),
      );
  };
}

/** @param {ObjectStore} store @param {KubeObject} inputs @returns {Promise<KubeObject>} */
async function preview(store, inputs) {
  if (isUnknown(inputs)) return inputs;
  try {
    return (await store.hasNamespace(inputs)) ? await store.apply(inputs, { dryRun: true }) : inputs;
  } catch (error) {
    // As Pulumi's own plugin: a preview goes on without a cluster that does not answer.
    if (error instanceof Error && "code" in error && error.code === "ECONNREFUSED") return inputs;
    throw error;
  }
}

/** Pulumi's mark on a secret (resource/sig, Key and Secret): what it keeps under `value` is the value. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** @param {any} value @returns {any} */
function withoutSecrets(value) {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null) return value;
  if (SIGNATURE in value && "value" in value) return withoutSecrets(value.value);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withoutSecrets(one)]));
}

/** @param {string} urn */
const nameOf = (urn) => urn.slice(urn.lastIndexOf("::") + 2);

/** @param {KubeObject} object */
const idOf = ({ metadata }) => (metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name);

/** @param {any} object */
const keyOf = ({ apiVersion, kind, metadata }) =>
  JSON.stringify([apiVersion, kind, metadata?.namespace, metadata?.name]);
