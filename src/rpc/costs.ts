import { limits } from '../model/index.js';
import type { SlotBounds } from '../queue/index.js';

/**
 * Cost class of a call: "vault" reads all of a vault, "scan" very many of its records, "ordinary" the records
 * that it names.
 */
export type Cost = 'ordinary' | 'scan' | 'vault';

/** Cost of every method of the contract, by path: a new one has to choose. */
export const costOf: Readonly<Record<string, Cost>> = {
  '/stowken.v1.ConversationService/StoreConversation': 'ordinary',
  '/stowken.v1.ConversationService/UploadConversation': 'ordinary',
  '/stowken.v1.ConversationService/AppendMessages': 'ordinary',
  '/stowken.v1.ConversationService/ForkConversation': 'ordinary',
  '/stowken.v1.ConversationService/DeleteConversation': 'ordinary',
  '/stowken.v1.ConversationService/DeleteConversations': 'scan',
  '/stowken.v1.ConversationService/RetrieveConversation': 'ordinary',
  '/stowken.v1.ConversationService/RenderMessages': 'ordinary',
  '/stowken.v1.ConversationService/GetAttachment': 'ordinary',
  '/stowken.v1.ConversationService/RetrieveConversations': 'ordinary',
  '/stowken.v1.ConversationService/GetConversation': 'ordinary',
  '/stowken.v1.ConversationService/ListConversations': 'scan',
  '/stowken.v1.ConversationService/FindPrefix': 'scan',
  '/stowken.v1.ConversationService/SearchConversations': 'vault',
  '/stowken.v1.MaintenanceService/CollectGarbage': 'vault',
  '/stowken.v1.MaintenanceService/CompactSubstrings': 'vault',
  '/stowken.v1.MaintenanceService/VerifyVault': 'vault',
  '/stowken.v1.MaintenanceService/BackupVault': 'vault',
  '/stowken.v1.MaintenanceService/EraseConversations': 'vault',
  '/stowken.v1.MaintenanceService/ListRegistries': 'ordinary',
  '/stowken.v1.MaintenanceService/GetStats': 'ordinary',
  '/stowken.v1.MaintenanceService/GetCapabilities': 'ordinary',
  '/stowken.v1.AdminService/CreateVault': 'ordinary',
  '/stowken.v1.AdminService/GetVault': 'ordinary',
  '/stowken.v1.AdminService/GetRetention': 'scan',
  '/stowken.v1.AdminService/UpdateVault': 'ordinary',
  '/stowken.v1.AdminService/ListVaults': 'scan',
  '/stowken.v1.AdminService/DeleteVault': 'ordinary',
  '/stowken.v1.AdminService/ListAuditEvents': 'scan',
  '/stowken.v1.AnalyticsService/GetUsage': 'scan',
  '/stowken.v1.AnalyticsService/ListSharedSegments': 'vault',
  '/stowken.v1.AnalyticsService/ListSegmentUses': 'scan',
  '/stowken.v1.AnalyticsService/CountSegmentUses': 'vault',
  '/stowken.v1.AnalyticsService/ListWarmPrefixes': 'vault',
  '/stowken.v1.AnalyticsService/FindSimilar': 'vault',
  '/stowken.v1.AnalyticsService/FindDuplicates': 'vault',
  '/stowken.v1.SegmentService/PutSegments': 'ordinary',
  '/stowken.v1.SegmentService/GetSegments': 'ordinary',
  '/stowken.v1.SegmentService/HasSegments': 'ordinary',
  '/stowken.v1.SegmentService/AddReferences': 'ordinary',
  '/stowken.v1.SegmentService/RemoveReferences': 'ordinary',
  '/stowken.v1.SegmentService/DeleteSegment': 'ordinary',
  '/stowken.v1.SegmentService/ListGarbage': 'scan',
};

/** Limits of concurrent calls of one method: on all connections, and on one. */
export type CostBounds = Required<Pick<SlotBounds, 'countMax' | 'countPerOwnerMax'>>;

/** Undefined: unlimited. */
export const boundsOf: Readonly<Record<Cost, CostBounds | undefined>> = {
  ordinary: undefined,
  scan: { countMax: limits.scansMax, countPerOwnerMax: limits.scansPerConnectionMax },
  vault: { countMax: limits.vaultCallsMax, countPerOwnerMax: limits.vaultCallsPerConnectionMax },
};
