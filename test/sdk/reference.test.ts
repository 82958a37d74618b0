import { describe, expect, it } from "vitest";
import { formatReference, parseReference, parseRepository } from "../../sdk/reference";
import { digestOf } from "./specs";
import { errorOf, sentencesOf } from "./errors";

describe("parseReference", () => {
  it.each([
    ["python", "docker.io/library/python:latest"],
    ["python:3.11", "docker.io/library/python:3.11"],
    ["team/app", "docker.io/team/app:latest"],
    ["index.docker.io/team/app:1", "docker.io/team/app:1"],
    ["localhost/app", "localhost/app:latest"],
    ["localhost:5000/a/b__c/d-e.f:V_1.0-x", "localhost:5000/a/b__c/d-e.f:V_1.0-x"],
    ["nvcr.io/nvidia/pytorch:24.01-py3", "nvcr.io/nvidia/pytorch:24.01-py3"],
    ["[::1]:5000/app:1", "[::1]:5000/app:1"],
    [`app@${digestOf("a")}`, `docker.io/library/app@${digestOf("a")}`],
    [`app:1@${digestOf("a")}`, `docker.io/library/app:1@${digestOf("a")}`],
  ])("reads %s as %s", (text, full) => {
    expect(formatReference(parseReference(text))).toBe(full);
    expect(formatReference(parseReference(full))).toBe(full);
  });

  const form = "Write [host/]path[:tag][@sha256:…], for example python:3.11-slim.";
  const paths = "Paths are lower-case letters, digits and single . _ - between them.";
  it.each([
    ["Python", `reference "Python": "Python" is not a repository path. ${paths}`],
    ["a//b", `reference "a//b": "" is not a repository path. ${paths}`],
    ["a b", `reference "a b": "a b" is not a repository path. ${paths}`],
    ["app:", `image reference "app:": "" is not a tag. ${form}`],
    ["app:-x", `image reference "app:-x": "-x" is not a tag. ${form}`],
    ["app@sha256:12", `image reference "app@sha256:12": "sha256:12" is not a sha256 digest. ${form}`],
    ["ho_st.io/app", `reference "ho_st.io/app": "ho_st.io" is not a host. ${form}`],
    ["https://host.io/app", `image reference "https://host.io/app": it is a URL. ${form}`],
  ])("refuses %s", (text, message) => {
    expect(sentencesOf(() => parseReference(text))).toBe(message);
    expect(errorOf(() => parseReference(text)).code).toBe("INVALID_REFERENCE");
  });
});

describe("parseRepository", () => {
  it("reads host and path", () => {
    expect(parseRepository("localhost:5000/team/images")).toEqual({ host: "localhost:5000", path: "team/images" });
  });

  const hint = "Write <host>/<path>, for example localhost:5000/images.";
  it.each([
    ["images", `repository "images": it names no registry host. ${hint}`],
    ["team/images", `repository "team/images": it names no registry host. ${hint}`],
    [
      "localhost:5000/images:1",
      `repository "localhost:5000/images:1": a repository carries neither tag nor digest. ${hint}`,
    ],
    ["https://u:s3cret@host.io/images", `repository "https://…@host.io/images": it is a URL. ${hint}`],
  ])("refuses %s", (text, message) => {
    expect(sentencesOf(() => parseRepository(text))).toBe(message);
  });
});
