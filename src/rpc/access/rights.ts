import type { Right } from '../../identity/index.js';

/** Suffices: any right for the vault. */
const any: readonly Right[] = [];

/**
 * Rights that a method needs for the vault of its request: all of the list. The only such table:
 * docs/security.md shows it, and a new method has to choose.
 */
export const rightsOf: Readonly<Record<string, readonly Right[]>> = {
  '/stowken.v1.ConversationService/StoreConversation': ['write'],
  '/stowken.v1.ConversationService/UploadConversation': ['write'],
  '/stowken.v1.ConversationService/AppendMessages': ['write'],
  '/stowken.v1.ConversationService/ForkConversation': ['write'],
  '/stowken.v1.ConversationService/DeleteConversation': ['delete'],
  '/stowken.v1.ConversationService/DeleteConversations': ['delete'],
  '/stowken.v1.ConversationService/RetrieveConversation': ['read'],
  // A part of a store: the vault keeps the tokenizer's vocabulary.
  '/stowken.v1.ConversationService/RenderMessages': ['write'],
  '/stowken.v1.ConversationService/GetAttachment': ['read'],
  '/stowken.v1.ConversationService/RetrieveConversations': ['read'],
  '/stowken.v1.ConversationService/GetConversation': ['read'],
  '/stowken.v1.ConversationService/ListConversations': ['read'],
  '/stowken.v1.ConversationService/FindPrefix': ['read'],
  '/stowken.v1.ConversationService/SearchConversations': ['read'],
  '/stowken.v1.MaintenanceService/CollectGarbage': ['maintain'],
  '/stowken.v1.MaintenanceService/CompactSubstrings': ['maintain'],
  '/stowken.v1.MaintenanceService/VerifyVault': ['maintain'],
  // A backup is all content of the vault.
  '/stowken.v1.MaintenanceService/BackupVault': ['maintain', 'read'],
  '/stowken.v1.MaintenanceService/EraseConversations': ['delete', 'maintain'],
  '/stowken.v1.MaintenanceService/ListRegistries': ['read'],
  '/stowken.v1.MaintenanceService/GetStats': ['read'],
  '/stowken.v1.MaintenanceService/GetCapabilities': any,
  '/stowken.v1.AdminService/CreateVault': ['admin'],
  '/stowken.v1.AdminService/GetVault': any,
  '/stowken.v1.AdminService/GetRetention': ['read'],
  '/stowken.v1.AdminService/UpdateVault': ['admin'],
  // Lists the vaults for which the caller has any right.
  '/stowken.v1.AdminService/ListVaults': any,
  '/stowken.v1.AdminService/DeleteVault': ['admin'],
  // Lists the events of the vaults for which the caller has the right.
  '/stowken.v1.AdminService/ListAuditEvents': ['admin'],
  '/stowken.v1.AnalyticsService/GetUsage': ['read'],
  '/stowken.v1.AnalyticsService/ListSharedSegments': ['read'],
  '/stowken.v1.AnalyticsService/ListSegmentUses': ['read'],
  '/stowken.v1.AnalyticsService/CountSegmentUses': ['read'],
  '/stowken.v1.AnalyticsService/ListWarmPrefixes': ['read'],
  '/stowken.v1.AnalyticsService/FindSimilar': ['read'],
  '/stowken.v1.AnalyticsService/FindDuplicates': ['read'],
  '/stowken.v1.SegmentService/PutSegments': ['write'],
  '/stowken.v1.SegmentService/GetSegments': ['read'],
  '/stowken.v1.SegmentService/HasSegments': ['read'],
  '/stowken.v1.SegmentService/AddReferences': ['write'],
  // Content without references is collected.
  '/stowken.v1.SegmentService/RemoveReferences': ['delete'],
  '/stowken.v1.SegmentService/DeleteSegment': ['delete'],
  '/stowken.v1.SegmentService/ListGarbage': ['read'],
};

/** Rights of which a use is recorded in the audit log. */
const audited: readonly Right[] = ['delete', 'maintain', 'admin'];

/** True if every call of a method is recorded in the audit log. */
export function isAudited(path: string): boolean {
  return rightsOf[path]?.some((right) => audited.includes(right)) ?? false;
}

/** Methods that change vaults, or what there is of them, besides those that need "write" or "delete". */
const changing: ReadonlySet<string> = new Set([
  '/stowken.v1.AdminService/CreateVault',
  '/stowken.v1.AdminService/UpdateVault',
  '/stowken.v1.AdminService/DeleteVault',
]);

/** Methods that need "write", because what they return is to be stored, and change nothing themselves. */
const preparing: ReadonlySet<string> = new Set(['/stowken.v1.ConversationService/RenderMessages']);

/**
 * True if every call of a method changes something. Calls of the methods of maintenance may only look; what
 * they change is refused where they change it.
 */
export function isChanging(path: string): boolean {
  if (preparing.has(path)) return false;
  const needed = rightsOf[path] ?? [];
  return needed.includes('write') || needed.includes('delete') || changing.has(path);
}
