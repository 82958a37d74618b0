import { features } from "./features";
import { languages } from "./languages";

/** A Dockerfile as teams have them, with its context. */
export interface CorpusCase {
  readonly name: string;
  readonly dockerfile: string;
  /** Contents by path in the context; a path that ends in `*` is executable, a content that begins with `-> ` a link. */
  readonly files: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  /** Where the Dockerfile stands in the context; default `Dockerfile`. */
  readonly path?: string;
}

export const corpus: readonly CorpusCase[] = [...languages, ...features];

/** The images that the corpus names; each is a stand-in that has the tools which the files call. */
export const corpusImages: readonly string[] = [
  "docker.io/library/alpine:3.19",
  "docker.io/library/debian:bookworm-slim",
  "docker.io/library/golang:1.22",
  "docker.io/library/maven:3.9-eclipse-temurin-21",
  "docker.io/library/eclipse-temurin:21-jre",
  "docker.io/library/nginx:alpine",
  "docker.io/library/node:20",
  "docker.io/library/node:20-alpine",
  "docker.io/library/php:8.3-apache",
  "docker.io/library/python:3.11-slim-bookworm",
  "docker.io/library/python:3.12",
  "docker.io/library/ruby:3.3",
  "docker.io/library/rust:1.77",
  "docker.io/library/ubuntu:22.04",
  "docker.io/nvidia/cuda:12.4.1-devel-ubuntu22.04",
  "docker.io/nvidia/cuda:12.4.1-runtime-ubuntu22.04",
  "docker.io/acme/onbuild:1",
  "gcr.io/distroless/static:nonroot",
  "ghcr.io/astral-sh/uv:0.5",
  "mcr.microsoft.com/dotnet/aspnet:8.0",
  "mcr.microsoft.com/dotnet/sdk:8.0",
];
