export { userConfigurationPath, userStateFolder } from "./files.js";
export type { Environment } from "./files.js";
export { requireUrl, resolveConfiguration, resolveOtherVault } from "./resolve.js";
export type { Configuration, ConfigurationInput, SecretSource, VaultKeys } from "./resolve.js";
export { readSecretFile } from "./secret-file.js";
export type { SettingName } from "./settings.js";
export { VAULT_SCHEMES, parseVaultUrl } from "./vault-url.js";
export type { VaultUrl } from "./vault-url.js";
export { writeUserConfiguration } from "./write.js";
