// Asks moto as an account of a test would ask ECR: moto looks at who signs, never at the signature.

/**
 * @typedef {object} Place where a repository is
 * @property {string} account
 * @property {string} region
 *
 * @typedef {object} EcrAnswer
 * @property {boolean} isOk
 * @property {any} body
 */

const SERVICE = "AmazonEC2ContainerRegistry_V20150921";

/** @param {string} moto its origin @param {Place} place @param {string} operation @param {object} input @returns {Promise<EcrAnswer>} */
export async function askMoto(moto, { account, region }, operation, input) {
  const scope = `test/20260101/${region}/ecr/aws4_request`;
  const response = await fetch(moto, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `${SERVICE}.${operation}`,
      "x-moto-account-id": account,
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=none`,
    },
    body: JSON.stringify(input),
  });
  return { isOk: response.ok, body: await response.json() };
}
