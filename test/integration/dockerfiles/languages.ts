import type { CorpusCase } from "./corpus";

const node = {
  "package.json": "{}",
  "package-lock.json": "{}",
  "src/index.js": "console.log(1)\n",
  "src/lib/a.js": "a",
};
const python = {
  "requirements.txt": "requests\n",
  "app/main.py": "print(1)\n",
  "app/__init__.py": "",
  "README.md": "# x\n",
};
const go = {
  "go.mod": "module x\n",
  "go.sum": "",
  "cmd/app/main.go": "package main\n",
  "internal/a/a.go": "package a\n",
};

/** Real-world shapes, by what they build. */
export const languages: readonly CorpusCase[] = [
  {
    name: "node: dependencies, build and runtime stages",
    files: { ...node, ".dockerignore": "node_modules\n.git\n*.md\n", "node_modules/x/y.js": "no", "notes.md": "no" },
    dockerfile: `# syntax=docker/dockerfile:1
FROM node:20-alpine AS deps
WORKDIR /app
COPY package.json package-lock.json* ./
RUN --mount=type=cache,target=/root/.npm npm ci

FROM node:20-alpine AS builder
WORKDIR /app
COPY --from=deps /app/node_modules ./node_modules
COPY . .
ENV NEXT_TELEMETRY_DISABLED=1
RUN npm run build

FROM node:20-alpine AS runner
WORKDIR /app
ENV NODE_ENV production
COPY --from=builder --chown=1000:1000 /app/dist ./dist
COPY --from=deps /app/node_modules ./node_modules
USER 1000
EXPOSE 3000
ENV PORT=3000 HOSTNAME="0.0.0.0"
CMD ["node", "dist/index.js"]
`,
  },
  {
    name: "node: one stage, old ENV form, shell CMD",
    files: node,
    dockerfile: `FROM node:20
MAINTAINER Somebody <somebody@acme.example>
ENV PATH /app/node_modules/.bin:$PATH
WORKDIR /app
ADD package.json /app/package.json
RUN npm install --silent
ADD . /app
CMD npm start
`,
  },
  {
    name: "node: turbo monorepo with a pruned workspace",
    files: {
      "package.json": "{}",
      "apps/web/package.json": "{}",
      "apps/web/index.ts": "x",
      "apps/docs/package.json": "{}",
      "packages/ui/package.json": "{}",
      "packages/ui/b.ts": "x",
      "turbo.json": "{}",
    },
    buildArgs: { APP: "web" },
    dockerfile: `ARG NODE=20
FROM node:\${NODE}-alpine AS base
RUN corepack enable

FROM base AS pruner
ARG APP
WORKDIR /app
COPY . .
RUN npx turbo prune --scope=\${APP} --docker

FROM base AS installer
ARG APP
WORKDIR /app
COPY --parents apps/*/package.json packages/*/package.json package.json ./
COPY apps/\${APP} apps/$APP
RUN pnpm install --frozen-lockfile
COPY --from=pruner /app/turbo.json .
LABEL app=\${APP}
`,
  },
  {
    name: "go: static binary in scratch",
    files: go,
    dockerfile: `FROM golang:1.22 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
RUN --mount=type=bind,target=. --mount=type=cache,target=/root/.cache/go-build \\
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags="-s -w" -o /out/app ./cmd/app
FROM scratch
COPY --from=build /etc/passwd /etc/passwd
COPY --from=build /out/app /app
USER 65534:65534
ENTRYPOINT ["/app"]
`,
  },
  {
    name: "go: cross compilation on the builder's platform, distroless",
    files: go,
    dockerfile: `FROM --platform=$BUILDPLATFORM golang:1.22 AS build
ARG TARGETARCH
COPY . /src
WORKDIR /src
RUN GOARCH=\${TARGETARCH:-amd64} go build -o /app ./...
FROM gcr.io/distroless/static:nonroot
COPY --from=0 /app /app
ENTRYPOINT ["/app"]
CMD ["--help"]
`,
  },
  {
    name: "python: slim with pip and a user",
    files: python,
    dockerfile: `FROM python:3.11-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 \\
    PYTHONUNBUFFERED=1 \\
    # comments may stand here
    PIP_NO_CACHE_DIR=1

RUN apt-get update && apt-get install -y --no-install-recommends \\
      build-essential \\
      # for psycopg
      libpq-dev \\

    && rm -rf /var/lib/apt/lists/*
WORKDIR /srv
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app app
RUN groupadd -g 999 app && useradd -r -u 999 -g app app
USER app
HEALTHCHECK --interval=30s --timeout=3s CMD python -c "print('ok')" || exit 1
EXPOSE 8000/tcp
CMD ["gunicorn", "-b", "0.0.0.0:8000", "app.main:app"]
`,
  },
  {
    name: "python: virtual environment copied between stages",
    files: python,
    dockerfile: `FROM python:3.12 AS builder
COPY --from=ghcr.io/astral-sh/uv:0.5 /usr/local/bin/uv /bin/uv
ENV VIRTUAL_ENV=/opt/venv
WORKDIR /build
COPY requirements.txt ./
RUN uv venv $VIRTUAL_ENV && mkdir -p $VIRTUAL_ENV/bin && uv pip install -r requirements.txt && cp -r .venv/bin $VIRTUAL_ENV/
FROM python:3.12 AS final
ENV VIRTUAL_ENV=/opt/venv
ENV PATH="$VIRTUAL_ENV/bin:$PATH"
COPY --from=builder $VIRTUAL_ENV $VIRTUAL_ENV
COPY ./app /app
STOPSIGNAL SIGINT
`,
  },
  {
    name: "python: poetry with a here-document and a lock that may be missing",
    files: { ...python, "pyproject.toml": "[tool]\n" },
    dockerfile: `FROM python:3.11-slim-bookworm
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
COPY pyproject.toml poetry.lock* /app/
WORKDIR /app
RUN <<EOF
set -e
pip install poetry
poetry install --no-root
echo "$PWD" | tr a-z A-Z > where
EOF
COPY <<-"SCRIPT" <<CONF /etc/app/
	#!/bin/sh
	echo "$HOME"
	SCRIPT
home=\${HOME}
CONF
COPY app/ ./
`,
  },
  {
    name: "cuda: development and runtime images by ARG",
    files: { "src/kernel.cu": "__global__", "CMakeLists.txt": "x", "weights/a.bin": "1", "weights/b.bin": "2" },
    buildArgs: { CUDA: "12.4.1" },
    dockerfile: `ARG CUDA=11.8.0
ARG OS=ubuntu22.04
FROM nvidia/cuda:\${CUDA}-devel-\${OS} as devel
ENV DEBIAN_FRONTEND=noninteractive TORCH_CUDA_ARCH_LIST="8.0;8.6+PTX"
RUN apt-get update && apt-get install -y ninja-build cmake git
COPY CMakeLists.txt /workspace/
COPY src /workspace/src
RUN cd /workspace && cmake -B build -G Ninja && ninja -C build
FROM nvidia/cuda:\${CUDA}-runtime-\${OS}
ARG CUDA
LABEL cuda="\${CUDA}" maintainer=gpu@acme.example
ENV LD_LIBRARY_PATH=/usr/local/cuda/lib64:\${LD_LIBRARY_PATH}
COPY --from=devel /workspace/build /opt/kernel
COPY --chmod=0444 weights/*.bin /opt/weights/
VOLUME ["/data"]
ENTRYPOINT ["python3", "-m"]
CMD ["serve"]
`,
  },
  {
    name: "rust: dependencies built on an empty main",
    files: { "Cargo.toml": "[package]\n", "Cargo.lock": "", "src/main.rs": "fn main() {}\n" },
    dockerfile: `FROM rust:1.77 AS chef
WORKDIR /app
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' > src/main.rs && cargo build --release
COPY src ./src
RUN touch src/main.rs && cargo build --release
FROM debian:bookworm-slim
RUN apt-get update && \\
    apt-get install -y ca-certificates && \\
    rm -rf /var/lib/apt/lists/*
COPY --from=chef /app/target/release/ /usr/local/bin/
CMD ["app"]
`,
  },
  {
    name: "java: maven layers",
    files: { "pom.xml": "<x/>", "src/main/java/A.java": "class A {}", ".mvn/jvm.config": "-Xmx1g" },
    dockerfile: `FROM maven:3.9-eclipse-temurin-21 AS build
WORKDIR /workspace
COPY pom.xml .
COPY .mvn .mvn
RUN --mount=type=cache,target=/root/.m2,sharing=locked mvn -B dependency:go-offline
COPY src src
RUN mvn -B package -DskipTests
FROM eclipse-temurin:21-jre
ARG JAR_FILE=target/*.jar
COPY --from=build /workspace/target/release/ /opt/app/
ENV JAVA_OPTS=""
ENTRYPOINT exec java $JAVA_OPTS -jar /opt/app/app.jar
`,
  },
  {
    name: "dotnet: project files first",
    files: { "App/App.csproj": "<x/>", "App/Program.cs": "x", "Lib/Lib.csproj": "<x/>", "App.sln": "x" },
    dockerfile: `FROM mcr.microsoft.com/dotnet/sdk:8.0 AS build
WORKDIR /src
COPY ["App/App.csproj", "App/"]
COPY ["Lib/Lib.csproj", "Lib/"]
RUN dotnet restore "App/App.csproj"
COPY . .
RUN dotnet publish "App/App.csproj" -c Release -o /app/publish
FROM mcr.microsoft.com/dotnet/aspnet:8.0 AS final
WORKDIR /app
COPY --from=build /app/publish /app/
ENTRYPOINT ["dotnet", "App.dll"]
`,
  },
  {
    name: "ruby: bundle and assets, lower-case instructions",
    files: { Gemfile: "x", "Gemfile.lock": "x", "app/a.rb": "a", "config/b.yml": "b", "bin/rails*": "#!/bin/sh\n" },
    dockerfile: `from ruby:3.3 as base
workdir /rails
env RAILS_ENV="production" \\
    BUNDLE_PATH="/usr/local/bundle"

from base as build
copy Gemfile Gemfile.lock ./
run bundle install
copy . .
run SECRET_KEY_BASE_DUMMY=1 ./bin/rails assets:precompile

from base
copy --from=build /rails /rails
run useradd rails --create-home --shell /bin/bash && chown -R rails:rails config
user rails:rails
entrypoint ["/rails/bin/rails"]
expose 3000
cmd ["server"]
`,
  },
  {
    name: "php: extensions, and a shell script that is made here",
    files: { "composer.json": "{}", "public/index.php": "<?php", "docker/vhost.conf": "<VirtualHost>" },
    dockerfile: `FROM php:8.3-apache
RUN set -eux; \\
	apt-get update; \\
	apt-get install -y --no-install-recommends libzip-dev; \\
	docker-php-ext-install zip
COPY docker/vhost.conf /etc/apache2/sites-available/000-default.conf
COPY --chown=33:33 . /var/www/html
RUN printf '#!/bin/sh\\nexec "$@"\\n' > /entrypoint.sh && chmod +x /entrypoint.sh
ENTRYPOINT ["/entrypoint.sh"]
CMD ["apache2-foreground"]
`,
  },
  {
    name: "static site: built by node, served by nginx",
    path: "docker/web.Dockerfile",
    files: {
      ...node,
      "docker/nginx.conf": "server {}",
      ".dockerignore": "*\n",
      "docker/web.Dockerfile.dockerignore": "**\n!src\n!package*.json\n!docker/nginx.conf\nsrc/**/*.test.js\n",
      "src/a.test.js": "no",
    },
    dockerfile: `FROM node:20 AS build
WORKDIR /w
COPY . .
RUN npm run build
FROM nginx:alpine
COPY docker/nginx.conf /etc/nginx/conf.d/default.conf
COPY --from=build /w/dist /usr/share/nginx/html
`,
  },
];
