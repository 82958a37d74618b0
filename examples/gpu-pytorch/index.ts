import { Image } from "slipway";
import { BuiltImage, Sandbox, WarmPool } from "slipway/pulumi";

// The base is pinned in images.lock.json: 9 GB that a `pulumi preview` need not ask anybody about.
const trainer = Image.base("nvcr.io/nvidia/pytorch:24.01-py3").pipInstall(["einops==0.8.0"]);
const image = new BuiltImage("trainer", { image: trainer });

// The nodes with GPUs; on EKS { eks: "gpu-workers" }, with Karpenter { karpenter: "gpu" }.
const nodeGroup = { labels: { pool: "gpu" } };
const pool = new WarmPool("gpu", { images: [image], nodeGroups: { gpu: nodeGroup } });

// Starts when the nodes hold the image, so not one second of a GPU is spent on pulling.
const command = ["sleep", "infinity"];
const sandbox = new Sandbox("trainer", { image, pool, command, nodeGroup, gpus: 1, user: 1000 });

export const uri = image.uri;
export const ref = pool.ref(image);
export const name = sandbox.name;
