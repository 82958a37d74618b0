export type { BuildChoice } from "./place-image";
export type { RegionalImage } from "./regional-image";
export { BuiltImage, type BuilderArgs, type BuiltImageArgs, type ImageHandle } from "./built-image";
export { ecrRepository, type EcrByName, type EcrByUrl, type EcrOptions, type EcrRepository } from "./ecr-repository";
export { ociRepository, type OciRepository, type OciRepositoryOptions, type Repository } from "./repository";
