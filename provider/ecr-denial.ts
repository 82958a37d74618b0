import type { SlipwayError } from "../sdk/error";
import { formatAddress, parseEcrHost } from "./ecr-address";
import { explainEcrError, type EcrCall } from "./ecr-errors";
import type { RepositoryAddress } from "./registry";

/** A request to ECR's registry host that was answered with 403. */
export interface DeniedRequest {
  readonly method: string;
  readonly path: string;
  /** What it was answered with; a HEAD has none. */
  readonly words: string;
}

/** Names the action that a request needs, and the statement that allows it. */
export function explainDenied(request: DeniedRequest, call: Omit<EcrCall, "operation">): SlipwayError {
  const { words } = request;
  const operation = /not authorized to perform: ecr:(\w+)/.exec(words)?.[1] ?? actionOf(request);
  return explainEcrError(Object.assign(new Error(words), { name: "AccessDeniedException" }), { ...call, operation });
}

/** The same of what BuildKit says of a push or a pull; `undefined` where it is about something else. */
export function explainBuildDenial(error: string, repository: RepositoryAddress): SlipwayError | undefined {
  // ECR's own words name the repository, which may be a base's.
  const named =
    /User: .* is not authorized to perform: ecr:.* on resource: arn:[\w-]+:ecr:([\w-]+):(\d+):repository\/(\S+)/;
  const [words = "", region, account, path] = named.exec(error) ?? [];
  if (region !== undefined && account !== undefined && path !== undefined) {
    const place = path === repository.path ? formatAddress(repository) : path;
    return explainDenied({ method: "", path: "", words }, { region, account, repository: path, place });
  }
  const silent = /failed to push .*unexpected status from (\w+) request to (\S+): 403 Forbidden/.exec(error);
  const address = parseEcrHost(repository.host);
  if (silent === null || address === undefined) return undefined;
  const [, method = "", url = ""] = silent;
  const place = formatAddress(repository);
  return explainDenied(
    { method, path: url, words: "403 Forbidden" },
    { ...address, repository: repository.path, place },
  );
}

/** What each request of the distribution protocol is to IAM. */
function actionOf({ method, path }: DeniedRequest): string {
  if (path.includes("/token") || path === "") return "GetAuthorizationToken";
  if (/(^|\/)manifests\//.test(path)) return method === "PUT" ? "PutImage" : "BatchGetImage";
  switch (method) {
    case "POST":
      return "InitiateLayerUpload";
    case "PATCH":
      return "UploadLayerPart";
    case "PUT":
      return "CompleteLayerUpload";
    case "GET":
      return "GetDownloadUrlForLayer";
    default:
      return "BatchCheckLayerAvailability";
  }
}
