import { renderDockerfile } from "../sdk/dockerfile";
import { imageArgs, onlyImage, readPlatforms, type Command } from "./flags";
import { withLoader } from "./load-image";
import { selectImage } from "./select-images";
import type { Terminal } from "./terminal";

/** `slipway image dockerfile` */
export function imageDockerfile(terminal: Terminal): Command<typeof imageArgs> {
  return {
    meta: { name: "dockerfile", description: "Print the Dockerfile that would be built, one for each platform." },
    args: imageArgs,
    example: "slipway image dockerfile images.ts#api",
    async run({ args, rawArgs }) {
      const platforms = readPlatforms(rawArgs);
      const { hash, specs } = await withLoader(terminal, async (loader) =>
        loader.resolve(await selectImage(loader, onlyImage(args._)), platforms),
      );
      const rendered = specs.map((spec) => ({ platform: spec.platform, text: renderDockerfile(spec).text }));
      if (args.json) {
        const dockerfiles = Object.fromEntries(rendered.map(({ platform, text }) => [platform, text]));
        terminal.print(`${JSON.stringify({ hash, dockerfiles })}\n`);
      } else if (rendered.length === 1) {
        for (const { text } of rendered) terminal.print(text);
      } else {
        terminal.print(rendered.map(({ platform, text }) => `# ${platform}\n${text}`).join("\n"));
      }
    },
  };
}
