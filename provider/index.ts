export { BuiltImage, type BuilderArgs, type BuiltImageArgs, type ImageHandle } from "./built-image";
export { ociRepository, type OciRepositoryOptions, type Repository } from "./repository";
