import { methodTypes } from '../rpc/index.js';

/**
 * Methods that the page may call, and nothing else: they read. Requests have the rights that the same calls
 * over gRPC need.
 */
const readMethods: Readonly<Record<string, readonly string[]>> = {
  ConversationService: [
    'GetConversation',
    'ListConversations',
    'RetrieveConversation',
    'SearchConversations',
  ],
  AnalyticsService: ['GetUsage', 'ListSharedSegments', 'ListSegmentUses', 'FindSimilar'],
  MaintenanceService: ['GetStats', 'GetCapabilities', 'ListRegistries'],
  AdminService: ['ListVaults', 'GetVault', 'GetRetention', 'ListAuditEvents'],
};

/** A method that the page may call. */
export interface PageMethod extends ReturnType<typeof methodTypes> {
  /** Path of the method in gRPC. */
  readonly path: string;
}

/** Methods by their path in HTTP, "/api/Service/Method". */
export const pageMethods: ReadonlyMap<string, PageMethod> = new Map(
  Object.entries(readMethods).flatMap(([service, methods]) =>
    methods.map((method): [string, PageMethod] => {
      const path = `/stowken.v1.${service}/${method}`;
      return [`/api/${service}/${method}`, { path, ...methodTypes(path) }];
    }),
  ),
);
