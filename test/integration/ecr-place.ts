import { BuildkitBuilder } from "../../provider/buildkit";
import { parseBuilderChoice, type BuilderSettings } from "../../provider/builder-choice";
import { adoptImage } from "../../provider/commit";
import { dockerCredentials } from "../../provider/credentials";
import { ecrRepository, type EcrByName } from "../../provider/ecr-repository";
import { Leftovers } from "../../provider/leftovers";
import { locateRepository } from "../../provider/locate";
import { placeImage, type BuildChoice } from "../../provider/place-image";
import { ImageProgram } from "../../provider/program";
import { Registries } from "../../provider/registries";
import { readSettings } from "../../provider/settings";
import type { Image } from "../../sdk/image";
import { noSecrets } from "../fakes/secret-places";
import { environmentBuilder, newFolder } from "./real-parts";

/** A stack whose config says nothing of AWS. */
export const noAwsSettings = { region: undefined, profile: undefined, assumeRoles: [] };
interface Options {
  readonly build?: BuildChoice;
  readonly settings?: BuilderSettings;
  readonly onProgress?: (text: string) => void;
}

/** What `pulumi up` does with an image. */
export async function placeInEcr(
  image: Image,
  args: EcrByName,
  { build = "auto", settings = {}, onProgress = () => undefined }: Options = {},
) {
  const registries = new Registries(dockerCredentials({ DOCKER_CONFIG: "/nowhere" }));
  const places = registries.placesOf(await locateRepository(ecrRepository(args), noAwsSettings));
  const { mirrors } = readSettings(process.env);
  const program = new ImageProgram({ folder: process.cwd(), registry: registries.oci(), mirrors });
  const { specs, hash } = await program.resolve(image, ["linux/amd64"]);
  const folder = newFolder();
  const choice = { ...parseBuilderChoice(environmentBuilder), ...settings };
  const { findCredentials } = registries;
  const makeBuilder = () => new BuildkitBuilder(choice, new Leftovers(folder), process.env, { findCredentials });
  const placed = await placeImage(places, makeBuilder, {
    specs,
    callSites: image.callSites,
    folder: process.cwd(),
    mirrors,
    bases: registries.oci(),
    secretPlaces: noSecrets,
    onProgress: ({ text }) => onProgress(text),
    signal: new AbortController().signal,
    build,
  });
  const stored = await adoptImage(places.home.registry, places.home.address, hash);
  return { ...placed, hash, stored };
}
