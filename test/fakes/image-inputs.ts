import { specsOf, writeSpec, type ImageInputs, type ImageProps } from "../../provider/state";
import { hashImage } from "../../sdk/hash";
import { FORMAT } from "../../sdk/spec";

/** What Pulumi sends in the place of a value that is not known yet. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** The inputs of an image with a hash that is its spec's. */
export function makeInputs(more: Partial<Omit<ImageInputs, "hash" | "uri">> = {}): ImageInputs {
  const parts: Omit<ImageInputs, "hash" | "uri"> = {
    repository: "localhost:5000/images",
    format: FORMAT,
    platforms: ["linux/amd64"],
    base: {
      reference: "docker.io/library/python:3.11",
      digests: { "linux/amd64": `sha256:${"1".repeat(64)}`, "linux/arm64": `sha256:${"2".repeat(64)}` },
    },
    steps: [
      { kind: "workdir", path: "/app" },
      { kind: "pip", packages: ["requests"], installer: "pip" },
    ],
    ...more,
  };
  const hash = hashImage(specsOf(parts));
  return { ...parts, hash, uri: `${parts.repository}:${hash}` };
}

/** Inputs as an earlier version wrote them: platforms and repository beside the spec. */
export function toEarlierProps({ format, base, images, steps, ...others }: ImageInputs): Record<string, unknown> {
  return { ...others, spec: JSON.stringify({ format, base, images, steps }) };
}

/** Inputs as Pulumi has them. */
export function toProps(inputs: ImageInputs): ImageProps {
  const { format, platforms, base, images, steps, repository: _inUri, ...others } = inputs;
  return { ...others, spec: writeSpec({ format, platforms, base, images, steps }) };
}
