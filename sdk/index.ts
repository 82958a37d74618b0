export {
  Image,
  type DockerfileOptions,
  type LocalDirOptions,
  type LocalOptions,
  type PipOptions,
  type RunOptions,
} from "./image";
export type { CallSite } from "./call-site";
export { SlipwayError, type ErrorCode, type ErrorFacts } from "./error";
export { Secret, type ConfigSecretOptions, type SecretOptions, type SecretSource } from "./secret";
export type {
  DockerfileBase,
  ImageSpec,
  ResolvedDockerfileBase,
  ResolvedImageBase,
  ResolvedSpec,
  ResolvedStep,
} from "./spec";
export type * from "./step";
export type { Platform } from "./platform";
