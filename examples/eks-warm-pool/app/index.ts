import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { Image } from "slipway";
import { BuiltImage, Sandbox, WarmPool, commonBases } from "slipway/pulumi";

// pulumi config set cluster <organization>/slipway-eks-cluster/<stack>
const cluster = new pulumi.StackReference(new pulumi.Config().require("cluster"));
const kubeconfig = cluster.requireOutput("kubeconfig").apply((text): string => text); // a secret there, and here
const nodeGroups = cluster.requireOutput("nodeGroups").apply((names): { cpu: string; gpu: string } => names);

const provider = new k8s.Provider("cluster", { kubeconfig });
const made = new k8s.core.v1.Namespace("slipway", {}, { provider });
export const namespace = made.metadata.name;

const base = Image.debianSlim("3.11");
const api = new BuiltImage("api", {
  image: base.pipInstall(["requests==2.32.3"]).addLocalFile("api.py", "/app/api.py", { strategy: "copy" }),
});
const dev = new BuiltImage("dev", { image: base.pipInstall(["requests==2.32.3", "rich==13.9.4"]) });

const cpu = { eks: nodeGroups.cpu };
const gpu = { eks: nodeGroups.gpu };
// Services start on either kind of node; the bases are there for whatever is tried out next.
const pool = new WarmPool(
  "fleet",
  { images: [api, dev, ...commonBases.python("3.11")], nodeGroups: { cpu, gpu }, namespace, kubeconfig },
  { provider },
);

const command = ["python3", "-u", "/app/api.py"];
const service = new Sandbox("api", { image: api, pool, command, nodeGroup: cpu, user: 1000, namespace }, { provider });
const sandbox = new Sandbox(
  "dev",
  { image: dev, pool, command: ["sleep", "infinity"], nodeGroup: gpu, gpus: 1, user: 1000, namespace },
  { provider },
);

export const groups = pool.groups;
export const ref = pool.ref(api);
export const sandboxes = { api: service.name, dev: sandbox.name };
