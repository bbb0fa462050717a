export {
  Administration,
  type AdminEvents,
  type VaultAdmin,
  type VaultDescription,
  type VaultPage,
} from './admin.js';
export { BackgroundCheck, type BackgroundCheckOptions } from './background-check.js';
export { DatabaseCatalogue } from './database-catalogue.js';
export { FolderCatalogue, MemoryCatalogue, vaultFolder, type VaultCatalogue } from './catalogue.js';
export { openSource, openTarget, type VaultPlace } from './copy-sides.js';
export { type ChangeCheck, refuseChanges } from './change-check.js';
export { FreeDisk, spaceOf, type FileSystemSpace, type FreeDiskState } from './free-disk.js';
export { healthOf, sameHealth, type VaultHealth, type VaultsHealth } from './health.js';
export { defaultVault, isVaultName, vaultNotFound } from './names.js';
export { OpenVaults, type OpenState, type VaultRuntime, type VaultUse } from './open-vaults.js';
export { type RetentionState, retentionOf } from './retention-state.js';
export { RunningWork, type VaultWork } from './running-work.js';
export { settingNames, type SettingName, type VaultSettings } from './settings.js';
export { Sweeper, type SweepFigures, type SweeperOptions, type Swept } from './sweeper.js';
export { CheckCounts, type CheckFigures } from './vault-check.js';
export { recentTextsBytesMax, vaultCore } from './vault-core.js';
export { StoredVault, type VaultActivity, type SettingDefaults, type VaultOpener } from './stored-vault.js';
export { SpaceKeeper, type SpaceKeeperOptions } from './space-keeper.js';
