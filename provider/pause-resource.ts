import * as pulumi from "@pulumi/pulumi";
import { ownUrn } from "./own-urn";
import { providerText } from "./provider-text";
import { makePauseImage } from "./pause-image";

const TYPE = "pulumi-nodejs:dynamic/slipway:PauseImage";

/** The image that sleeps, in a repository; deleting the resource leaves it there, since other stacks run it. */
export class PauseImageResource extends pulumi.CustomResource {
  /** `<repository>@sha256:…`, known at preview. */
  readonly ref: pulumi.Output<string>;

  constructor(
    name: string,
    { repository, insecure }: { readonly repository: pulumi.Input<string>; readonly insecure: boolean },
    opts: pulumi.CustomResourceOptions,
  ) {
    const digest = makePauseImage().then(({ index }) => index.digest);
    const props = {
      repository,
      digest,
      ...(insecure ? { insecure } : {}),
      __urn: ownUrn(name, TYPE, opts.parent),
      __provider: providerText("pauseImage"),
    };
    super(TYPE, name, props, { ...opts, protect: false });
    this.ref = pulumi.all([this.urn, repository, digest]).apply(([, place, known]) => `${place}@${known}`);
  }
}
