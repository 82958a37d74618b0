// Run by `npm run quickstart -- --cluster`, in the local Kubernetes; by hand in any cluster that KUBECONFIG names.
import * as k8s from "@pulumi/kubernetes";
import { Image } from "slipway";
import { BuiltImage, Sandbox, WarmPool } from "slipway/pulumi";

const hello = Image.debianSlim("3.11")
  .pipInstall(["requests==2.32.3"])
  .addLocalFile("hello.py", "/app/hello.py", { strategy: "copy" });

// The restricted level: neither the pool nor the sandbox needs any privilege.
const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
const made = new k8s.core.v1.Namespace("slipway", { metadata: { name: "slipway-quickstart", labels } });

const cpu = { labels: { pool: "cpu" } };
const gpu = { labels: { pool: "gpu" } };
export const namespace = made.metadata.name;

const image = new BuiltImage("hello", { image: hello });
const pool = new WarmPool("fleet", { images: [image], nodeGroups: { cpu, gpu }, namespace });

// With `pool` it starts when the nodes hold the image. (`nodeGroup: gpu, gpus: 1` would run it on the other node.)
const command = ["python3", "-u", "/app/hello.py"];
const sandbox = new Sandbox("dev", { image, pool, command, nodeGroup: cpu, user: 1000, namespace });

export const ref = pool.ref(image);
export const groups = pool.groups;
export const sandboxName = sandbox.name;
