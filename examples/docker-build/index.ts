// For a team that builds with @pulumi/docker-build and stays with it: its builder, its logins, its resource.
import * as dockerBuild from "@pulumi/docker-build";
import { Image } from "slipway";
import { toDockerBuild } from "slipway/pulumi";

const hello = Image.debianSlim("3.11")
  .cmd(["python3", "/app/hello.py"])
  .addLocalFile("hello.py", "/app/hello.py", { strategy: "copy" });

const { args, opts } = toDockerBuild(hello);
const image = new dockerBuild.Image("hello", args, opts);

export const ref = image.ref;
