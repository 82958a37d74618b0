export { BuiltImage, type BuilderArgs, type BuiltImageArgs, type ImageHandle } from "./built-image";
export { ociRepository, type OciRepositoryOptions, type Repository } from "./repository";
export { WarmPool, type WarmPoolArgs } from "./warm-pool";
export type { NodeGroup, NodeNames, Toleration } from "./node-groups";
export type { WarmImage } from "./warm-image";
export type { Mechanism } from "./warm-manifest";
export type { GroupProgress, NodeFailure } from "./warm-progress";
