import { renderDockerfile } from "../../sdk/dockerfile";
import type { ResolvedStep } from "../../sdk/spec";
import type { Render } from "./hostile-strings";

/** As Slipway writes it. */
export const sound: Render = (spec) => renderDockerfile(spec).text;

/** Ways to write a Dockerfile that look right until somebody gives them the wrong text. */
export const mistakes = {
  "ENV by JSON.stringify": write((step) =>
    step.kind === "env" ? `ENV ${pairs(step.variables, (value) => JSON.stringify(value))}` : undefined,
  ),
  "ENV without quotes": write((step) =>
    step.kind === "env" ? `ENV ${pairs(step.variables, (value) => value)}` : undefined,
  ),
  "packages without quotes": write((step) => {
    if (step.kind === "pip")
      return `RUN ["/bin/sh", "-c", ${JSON.stringify(`pip install ${step.packages.join(" ")}`)}]`;
    return undefined;
  }),
  "command as it is": write((step) => (step.kind === "run" ? `RUN ${step.command}` : undefined)),
  "command in a here-document of one name": write((step) =>
    step.kind === "run" && step.command !== "true" ? `RUN <<EOF\n${step.command}\nEOF` : undefined,
  ),
  "folder as it is": write((step) => (step.kind === "workdir" ? `WORKDIR ${step.path}` : undefined)),
  "destination by JSON alone": write((step) =>
    step.kind === "copyDir" ? `COPY ${JSON.stringify(["c/1/", `${step.destination}/`])}` : undefined,
  ),
  "arguments in shell form": write((step) => (step.kind === "cmd" ? `CMD ${step.args.join(" ")}` : undefined)),
} as const satisfies Readonly<Record<string, Render>>;

/** The steps that `mistake` answers as it says, the others as they are. */
function write(mistake: (step: ResolvedStep) => string | undefined): Render {
  return (spec) => {
    const { text, steps } = renderDockerfile(spec);
    const lines = text.trimEnd().split("\n");
    const chunks = steps.map(({ step, line }, index) => {
      return mistake(step) ?? lines.slice(line - 1, (steps[index + 1]?.line ?? lines.length + 1) - 1).join("\n");
    });
    return `${[lines[0], ...chunks].join("\n")}\n`;
  };
}

function pairs(variables: Readonly<Record<string, string>>, quote: (value: string) => string): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${quote(value)}`)
    .join(" ");
}
