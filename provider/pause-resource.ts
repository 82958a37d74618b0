import * as pulumi from "@pulumi/pulumi";
import type { LocatedRepository } from "./located";
import { ownUrn } from "./own-urn";
import { providerText } from "./provider-text";
import { makePauseImage } from "./pause-image";

const TYPE = "pulumi-nodejs:dynamic/slipway:PauseImage";

/** The image that sleeps, in a repository; deleting the resource leaves it there, since other stacks run it. */
export class PauseImageResource extends pulumi.CustomResource {
  /** `<repository>@sha256:…`, known at preview. */
  readonly ref: pulumi.Output<string>;

  constructor(name: string, located: pulumi.Output<LocatedRepository>, opts: pulumi.CustomResourceOptions) {
    const repository = located.apply((place) => place.repository);
    const digest = makePauseImage().then(({ index }) => index.digest);
    const props = {
      repository,
      digest,
      insecure: located.apply(({ insecure }) => insecure),
      ecr: located.apply(({ ecr }) => ecr),
      __urn: ownUrn(name, TYPE, opts.parent),
      __provider: providerText("pauseImage"),
    };
    super(TYPE, name, props, { ...opts, protect: false });
    this.ref = pulumi.all([this.urn, repository, digest]).apply(([, place, known]) => `${place}@${known}`);
  }
}
