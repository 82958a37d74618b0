import type { EcrRegistryAddress } from "./ecr-address";

type Provider = ReturnType<(typeof import("@aws-sdk/credential-providers"))["fromNodeProviderChain"]>;

/** The SDK's own chain, begun with a profile where one is named; each role is assumed with what came before. */
export async function chooseCredentials(address: EcrRegistryAddress): Promise<Provider> {
  const { fromNodeProviderChain, fromTemporaryCredentials } = await import("@aws-sdk/credential-providers");
  const { profile, assumeRoles = [], region } = address;
  const start: Provider = fromNodeProviderChain(profile === undefined ? {} : { profile });
  return assumeRoles.reduce<Provider>((before, role) => {
    const RoleSessionName = role.sessionName ?? "slipway";
    const externalId = role.externalId === undefined ? {} : { ExternalId: role.externalId };
    return fromTemporaryCredentials({
      masterCredentials: () => before(),
      params: { RoleArn: role.roleArn, RoleSessionName, ...externalId },
      clientConfig: { region },
    });
  }, start);
}
