import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { BuildRequest } from "../../provider/builder";
import { BuildkitBuilder } from "../../provider/buildkit";
import { parseBuilderChoice } from "../../provider/builder-choice";
import { prepareBuildx } from "../../provider/buildx";
import { Leftovers } from "../../provider/leftovers";
import { environmentBuilder } from "../integration/real-parts";
import type { MakeBuilder } from "./edit-during-build";

/** The builder of Slipway; Python's tarfile reads gzip. */
export const soundBuilder: MakeBuilder = (env, folder) =>
  new BuildkitBuilder(parseBuilderChoice(environmentBuilder, { compression: "gzip" }), new Leftovers(folder), env);

/** A builder with the mistake that the stream is there to prevent: what is hashed is one thing, and buildx reads the folder. */
export const folderBuilder: MakeBuilder = (env, folder) => ({
  async build(request: BuildRequest): Promise<string> {
    const buildx = await prepareBuildx(parseBuilderChoice(environmentBuilder), new Leftovers(folder), env);
    const [step] = request.spec.steps;
    if (step?.kind !== "copyDir") throw new Error("there is no folder to copy");
    mkdirSync(folder, { recursive: true });
    const dockerfile = join(folder, "Dockerfile");
    writeFileSync(dockerfile, `FROM ${request.from}\nCOPY --link . ${step.destination}/\n`);
    const name = `${request.repository.host}/${request.repository.path}`;
    const metadata = join(folder, "metadata.json");
    const args = [
      ...["build", ...buildx.builderArgs, "--file", dockerfile, "--metadata-file", metadata],
      ...["--provenance=false", "--build-arg", "SOURCE_DATE_EPOCH=0", "--output"],
      `type=image,"name=${name}",push=true,push-by-digest=true,name-canonical=true,oci-mediatypes=true,rewrite-timestamp=true,store=false`,
      resolve(request.folder, step.source),
    ];
    const child = spawn(buildx.command, [...buildx.prefix, ...args], { env: buildx.env, stdio: "ignore" });
    const code = await new Promise((done) => child.on("close", done));
    if (code !== 0) throw new Error(`buildx: exit code ${String(code)}`);
    const { "containerimage.digest": digest }: Record<string, string> = JSON.parse(readFileSync(metadata, "utf8"));
    return digest ?? "";
  },
  readPlatforms: () => Promise.resolve(undefined),
});
