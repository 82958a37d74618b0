import * as pulumi from "@pulumi/pulumi";
import * as v from "valibot";
import { fail, type Call } from "../sdk/arguments";
import { Image } from "../sdk/image";
import type { MountPoint } from "../sdk/mount";
import type { Mount } from "../sdk/step";

/** An image's mounts as another stack gets them: plain JSON, no files. */
export interface ImageMounts {
  /** What tells two contents apart: 64 hex digits. */
  readonly hash: string;
  /** `<repository>@sha256:…`: an image that holds the files of point n below `/n`. */
  readonly ref: string;
  readonly points: readonly MountPoint[];
}

/** What is known of mounts that a registry holds. */
export interface PushedMounts {
  /** Known at preview. */
  readonly facts: pulumi.Output<Omit<ImageMounts, "ref"> | undefined>;
  /** Known at preview when the repository has them, else after the update. */
  readonly ref: pulumi.Output<string>;
}

/** Where the mounts of an image are. */
export interface MountSource {
  /** Of an Image that the program gave as it is. */
  readonly local: readonly Mount[] | undefined;
  readonly pushed: PushedMounts | undefined;
}

interface Remembered {
  readonly local: MountSource["local"];
  /** Made for whoever asks. */
  readonly pushed: () => PushedMounts;
  /** Called when something brings the mounts into containers. */
  readonly onUse: () => void;
}

const sources = new WeakMap<object, Remembered>();

/** Keeps what a BuiltImage knows of its mounts, for those who deliver them. */
export function rememberMounts(resource: pulumi.Resource, source: Remembered): void {
  sources.set(resource, source);
}

/** Reads what was given for an image whose mounts are wanted. */
export function readMountSource(call: Call, given: unknown): MountSource {
  const known = typeof given === "object" && given !== null ? sources.get(given) : undefined;
  if (known !== undefined) {
    known.onUse();
    return { local: known.local, pushed: known.pushed() };
  }
  if (Image.isImage(given)) return { local: given.spec.mounts, pushed: undefined };
  if (typeof given === "string") {
    throw fail(call, "a reference has no mounts.", "Give the Image, its BuiltImage, or the handle of another stack.");
  }
  const handle = pulumi.CustomResource.isInstance(given) ? Reflect.get(given, "handle") : given;
  const mounts = pulumi.output(handle).apply((value: unknown) => {
    if (Image.isImage(value) && value.spec.mounts.length > 0) throw unread(call);
    const parsed = v.safeParse(handleSchema, value);
    return parsed.success ? parsed.output.mounts : undefined;
  });
  return { local: undefined, pushed: { facts: mounts, ref: mounts.apply((found) => found?.ref ?? "") } };
}

/** Whether there may be mounts at all. */
export function mayHaveMounts(given: unknown): boolean {
  const known = typeof given === "object" && given !== null ? sources.get(given) : undefined;
  if (known?.local !== undefined) return known.local.length > 0;
  return Image.isImage(given) ? given.spec.mounts.length > 0 : typeof given !== "string";
}

const handleSchema = v.object({
  mounts: v.optional(
    v.object({
      hash: v.string(),
      ref: v.string(),
      points: v.array(v.object({ path: v.string(), kind: v.picklist(["file", "dir"]) })),
    }),
  ),
});

function unread(call: Call): Error {
  return fail(
    call,
    "the Image comes from an Output, so its mounts are in no registry and not read yet.",
    'Give new BuiltImage("…", { image }) instead.',
  );
}
