export type { BuildChoice } from "./place-image";
export type { RegionalImage } from "./regional-image";
export { BuiltImage, type ImageHandle } from "./built-image";
export type { BuiltImageArgs } from "./plan-image";
export type { BuilderArgs, BuilderCache, BuilderTls, KubernetesBuilder, KubernetesResources } from "./builder-args";
export { ecrRepository, type EcrByName, type EcrByUrl, type EcrOptions, type EcrRepository } from "./ecr-repository";
export { ociRepository, type OciRepository, type OciRepositoryOptions, type Repository } from "./repository";
export { WarmPool, type WarmPoolArgs } from "./warm-pool";
export type { NodeGroup, NodeNames, Toleration } from "./node-groups";
export type { WarmImage } from "./warm-image";
export type { Mechanism } from "./warm-manifest";
export type { GroupProgress, NodeFailure } from "./warm-progress";
export { commonBases } from "./common-bases";
export { podTemplate, type PodArgs, type PodTemplateArgs } from "./pod-template";
export { Sandbox, type SandboxArgs } from "./sandbox";
export type { PodTemplate } from "./sandbox-manifest";
export type { PodSpec, Container, Volume, VolumeMount, NodeAffinity } from "./pod-manifest";
export {
  toDockerBuild,
  type DockerBuild,
  type DockerBuildArgs,
  type DockerBuildOptions,
  type DockerBuildPlatform,
} from "./docker-build";
export { Mounts, type MountsArgs } from "./mounts";
export type { ImageMounts } from "./mount-source";
export type { MountMechanism } from "./mount-delivery";
export type { MountPoint } from "../sdk/mount";
