// ECR on one machine, for tests: moto is its control plane, a plain registry keeps its blobs.
import { join } from "node:path";
import { startControlPlane } from "../ecr/control-plane.mjs";
import { findMissingLayer, startDataPlane } from "../ecr/data-plane.mjs";
import { askMoto } from "../ecr/moto-client.mjs";
import { runMoto } from "./moto.mjs";
import { startRegistry, throwAwayInstance } from "./throw-away.mjs";

/**
 * @typedef {import("./elapsed.mjs").Log} Log
 * @typedef {import("../ecr/moto-client.mjs").Place} Place
 *
 * @typedef {object} Ecr
 * @property {string} endpoint of the control plane
 * @property {Readonly<Record<string, string>>} hosts `<account>/<region>` → the registry's host
 * @property {Readonly<Record<string, string>>} env for the AWS SDK: an account that is worth nothing, and this endpoint
 * @property {string[]} calls of the control plane, for example `BatchGetImage eu-west-1`
 * @property {string[]} requests of the data planes
 * @property {import("../ecr/control-plane.mjs").Tokens} tokens
 * @property {(refuse: import("../ecr/control-plane.mjs").ControlPlane["onCall"]) => void} setOnCall
 * @property {(refuse: import("../ecr/data-plane.mjs").DataPlane["onRequest"]) => void} setOnRequest
 * @property {(place: Place, operation: string, input: object) => Promise<import("../ecr/moto-client.mjs").EcrAnswer>} ask
 * moto itself, past what is counted and refused
 * @property {() => Promise<void>} stop
 */

/** moto's own account: whoever it does not know is of this one. */
export const ECR_ACCOUNT = "123456789012";

/** @param {{ root: string, places?: readonly Place[], log?: Log }} options @returns {Promise<Ecr>} */
export async function startEcr({ root, places = [{ account: ECR_ACCOUNT, region: "eu-west-1" }], log = () => {} }) {
  const registry = await startRegistry({ root: join(root, "registry"), log });
  const { address: moto, process: process_ } = await runMoto({ folder: join(root, "moto"), log });
  const instance = throwAwayInstance({ process: process_, name: "moto", folder: join(root, "moto"), data: root });
  /** @type {string[]} */
  const calls = [];
  /** @type {string[]} */
  const requests = [];
  const tokens = { lifeSeconds: 43_200, expiry: new Map() };
  /** @type {import("../ecr/control-plane.mjs").ControlPlane} */
  const plane = {
    moto,
    calls,
    tokens,
    onCall: () => undefined,
    findMissingLayer: (place, repository, text) => findMissingLayer(registry.address, place, repository, text),
  };
  const control = await startControlPlane(plane);
  /** @type {import("../ecr/data-plane.mjs").DataPlane["onRequest"]} */
  let onRequest = () => undefined;
  const fronts = await Promise.all(
    places.map((place) =>
      startDataPlane({
        place,
        moto,
        registry: registry.address,
        requests,
        tokens,
        onRequest: (method, pathname) => onRequest(method, pathname),
      }),
    ),
  );
  const endpoint = `http://${control.host}`;
  return {
    endpoint,
    hosts: Object.fromEntries(
      places.map(({ account, region }, index) => [`${account}/${region}`, fronts[index]?.host ?? ""]),
    ),
    env: sdkEnv(endpoint),
    calls,
    requests,
    tokens,
    setOnCall: (onCall) => (plane.onCall = onCall),
    setOnRequest: (refuse) => (onRequest = refuse),
    ask: (place, operation, input) => askMoto(moto, place, operation, input),
    stop: async () => {
      await Promise.all([control, ...fronts].map((front) => front.stop()));
      await Promise.all([instance.stop(), registry.stop()]);
    },
  };
}

/** Nothing of the user's own: no profile, no metadata service. @param {string} endpoint */
function sdkEnv(endpoint) {
  return {
    AWS_ACCESS_KEY_ID: "AKIASLIPWAYTEST",
    AWS_SECRET_ACCESS_KEY: "loopback-only",
    AWS_ENDPOINT_URL: endpoint,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_CONFIG_FILE: "/nowhere/config",
    AWS_SHARED_CREDENTIALS_FILE: "/nowhere/credentials",
  };
}
