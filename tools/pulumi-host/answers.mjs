import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {import("@pulumi/pulumi/proto/language_pb.js").RunRequest} RunRequest
 * @typedef {(call: { request: any }, reply: (error: Error | null, response?: unknown) => void) => void} Unary
 */

/**
 * The calls of Pulumi's LanguageRuntime service that running a program needs. Of dependencies and plugins we know
 * nothing: the program's node_modules are the user's, and missing plugins show in the run itself.
 * @param {{ pulumi: NodeJS.Require, run: import("./program-run.mjs").ProgramRun }} options
 * @returns {import("@grpc/grpc-js").UntypedServiceImplementation}
 */
export function answerWith({ pulumi, run }) {
  /** @type {typeof import("@pulumi/pulumi/proto/language_pb.js")} */
  const language = pulumi("@pulumi/pulumi/proto/language_pb");
  /** @type {typeof import("@pulumi/pulumi/proto/plugin_pb.js")} */
  const plugin = pulumi("@pulumi/pulumi/proto/plugin_pb");
  /** @type {typeof import("google-protobuf/google/protobuf/empty_pb.js")} */
  const empty = pulumi("google-protobuf/google/protobuf/empty_pb");

  /** @param {() => unknown} make @returns {Unary} */
  const always = (make) => (_call, reply) => reply(null, make());
  return {
    handshake: always(() => new language.LanguageHandshakeResponse()),
    getRequiredPackages: always(() => new language.GetRequiredPackagesResponse()),
    getRequiredPlugins: always(() => new language.GetRequiredPluginsResponse()),
    getPluginInfo: always(() => {
      const info = new plugin.PluginInfo();
      info.setVersion("0.0.0-stand-in");
      return info;
    }),
    about: always(() => {
      const about = new language.AboutResponse();
      about.setExecutable(process.execPath);
      about.setVersion(process.version);
      return about;
    }),
    runtimeOptionsPrompts: always(() => new language.RuntimeOptionsResponse()),
    getProgramDependencies: /** @type {Unary} */ (
      (call, reply) => {
        const response = new language.GetProgramDependenciesResponse();
        response.setDependenciesList(dependencies(language, call.request.getInfo()?.getProgramDirectory() ?? ""));
        reply(null, response);
      }
    ),
    installDependencies: (/** @type {import("@grpc/grpc-js").ServerWritableStream<unknown, unknown>} */ call) =>
      call.end(),
    run: /** @type {Unary} */ (
      (call, reply) => {
        run.start(call.request).then((outcome) => {
          const response = new language.RunResponse();
          if (outcome.error !== undefined) response.setError(outcome.error);
          response.setBail(outcome.isReported);
          reply(null, response);
        }, reply);
      }
    ),
    cancel: /** @type {Unary} */ (
      (_call, reply) => {
        run.stop().then(() => reply(null, new empty.Empty()), reply);
      }
    ),
  };
}

/**
 * What package.json asks for, for `pulumi about`.
 * @param {typeof import("@pulumi/pulumi/proto/language_pb.js")} language
 * @param {string} folder
 */
function dependencies(language, folder) {
  try {
    const { dependencies: wanted = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return Object.entries(wanted).map(([name, version]) => {
      const info = new language.DependencyInfo();
      info.setName(name);
      info.setVersion(String(version));
      return info;
    });
  } catch {
    return [];
  }
}
