import { SlipwayError } from "../sdk/error";

/** The error of an image that must not be built, and would have to be. */
export function notStored(asked: readonly string[], hash: string): SlipwayError {
  return new SlipwayError({
    code: "NOT_STORED",
    text: `image ${hash}: it is stored nowhere, and build is "never" (looked in ${asked.join(", ")}).`,
    hint: 'Build it where it may be built: pulumi up of a stack with build "auto", or slipway image build FILE#EXPORT --repository <one of these>.',
  });
}
