// Generated from proto/ by generate.mjs, with every build. Edits are lost.
import type * as requests from './requests.js';
import type * as responses from './responses.js';

export interface Methods {
  readonly ConversationService: {
    readonly StoreConversation: {
      readonly request: requests.StoreConversationRequest;
      readonly response: responses.StoreConversationResponse;
    };
    readonly UploadConversation: {
      readonly request: requests.UploadConversationRequest;
      readonly response: responses.UploadConversationResponse;
    };
    readonly AppendMessages: {
      readonly request: requests.AppendMessagesRequest;
      readonly response: responses.AppendMessagesResponse;
    };
    readonly ForkConversation: {
      readonly request: requests.ForkConversationRequest;
      readonly response: responses.ForkConversationResponse;
    };
    readonly RetrieveConversation: {
      readonly request: requests.RetrieveConversationRequest;
      readonly response: responses.RetrieveConversationResponse;
    };
    readonly RenderMessages: {
      readonly request: requests.RenderMessagesRequest;
      readonly response: responses.RenderMessagesResponse;
    };
    readonly GetAttachment: {
      readonly request: requests.GetAttachmentRequest;
      readonly response: responses.GetAttachmentResponse;
    };
    readonly RetrieveConversations: {
      readonly request: requests.RetrieveConversationsRequest;
      readonly response: responses.RetrieveConversationsResponse;
    };
    readonly GetConversation: {
      readonly request: requests.GetConversationRequest;
      readonly response: responses.GetConversationResponse;
    };
    readonly DeleteConversation: {
      readonly request: requests.DeleteConversationRequest;
      readonly response: responses.DeleteConversationResponse;
    };
    readonly DeleteConversations: {
      readonly request: requests.DeleteConversationsRequest;
      readonly response: responses.DeleteConversationsResponse;
    };
    readonly ListConversations: {
      readonly request: requests.ListConversationsRequest;
      readonly response: responses.ListConversationsResponse;
    };
    readonly FindPrefix: {
      readonly request: requests.FindPrefixRequest;
      readonly response: responses.FindPrefixResponse;
    };
    readonly SearchConversations: {
      readonly request: requests.SearchConversationsRequest;
      readonly response: responses.SearchConversationsResponse;
    };
  };
  readonly MaintenanceService: {
    readonly CollectGarbage: {
      readonly request: requests.CollectGarbageRequest;
      readonly response: responses.CollectGarbageResponse;
    };
    readonly CompactSubstrings: {
      readonly request: requests.CompactSubstringsRequest;
      readonly response: responses.CompactSubstringsResponse;
    };
    readonly EraseConversations: {
      readonly request: requests.EraseConversationsRequest;
      readonly response: responses.EraseConversationsResponse;
    };
    readonly ListRegistries: {
      readonly request: requests.ListRegistriesRequest;
      readonly response: responses.ListRegistriesResponse;
    };
    readonly VerifyVault: {
      readonly request: requests.VerifyVaultRequest;
      readonly response: responses.VerifyVaultResponse;
    };
    readonly BackupVault: {
      readonly request: requests.BackupVaultRequest;
      readonly response: responses.BackupVaultResponse;
    };
    readonly GetStats: {
      readonly request: requests.GetStatsRequest;
      readonly response: responses.GetStatsResponse;
    };
    readonly GetCapabilities: {
      readonly request: requests.GetCapabilitiesRequest;
      readonly response: responses.GetCapabilitiesResponse;
    };
  };
  readonly SegmentService: {
    readonly PutSegments: {
      readonly request: requests.PutSegmentsRequest;
      readonly response: responses.PutSegmentsResponse;
    };
    readonly GetSegments: {
      readonly request: requests.GetSegmentsRequest;
      readonly response: responses.GetSegmentsResponse;
    };
    readonly HasSegments: {
      readonly request: requests.HasSegmentsRequest;
      readonly response: responses.HasSegmentsResponse;
    };
    readonly AddReferences: {
      readonly request: requests.AddReferencesRequest;
      readonly response: responses.AddReferencesResponse;
    };
    readonly RemoveReferences: {
      readonly request: requests.RemoveReferencesRequest;
      readonly response: responses.RemoveReferencesResponse;
    };
    readonly DeleteSegment: {
      readonly request: requests.DeleteSegmentRequest;
      readonly response: responses.DeleteSegmentResponse;
    };
    readonly ListGarbage: {
      readonly request: requests.ListGarbageRequest;
      readonly response: responses.ListGarbageResponse;
    };
  };
  readonly AdminService: {
    readonly CreateVault: {
      readonly request: requests.CreateVaultRequest;
      readonly response: responses.CreateVaultResponse;
    };
    readonly GetVault: {
      readonly request: requests.GetVaultRequest;
      readonly response: responses.GetVaultResponse;
    };
    readonly UpdateVault: {
      readonly request: requests.UpdateVaultRequest;
      readonly response: responses.UpdateVaultResponse;
    };
    readonly ListVaults: {
      readonly request: requests.ListVaultsRequest;
      readonly response: responses.ListVaultsResponse;
    };
    readonly DeleteVault: {
      readonly request: requests.DeleteVaultRequest;
      readonly response: responses.DeleteVaultResponse;
    };
    readonly GetRetention: {
      readonly request: requests.GetRetentionRequest;
      readonly response: responses.GetRetentionResponse;
    };
    readonly ListAuditEvents: {
      readonly request: requests.ListAuditEventsRequest;
      readonly response: responses.ListAuditEventsResponse;
    };
  };
  readonly AnalyticsService: {
    readonly GetUsage: {
      readonly request: requests.GetUsageRequest;
      readonly response: responses.GetUsageResponse;
    };
    readonly ListSharedSegments: {
      readonly request: requests.ListSharedSegmentsRequest;
      readonly response: responses.ListSharedSegmentsResponse;
    };
    readonly ListSegmentUses: {
      readonly request: requests.ListSegmentUsesRequest;
      readonly response: responses.ListSegmentUsesResponse;
    };
    readonly CountSegmentUses: {
      readonly request: requests.CountSegmentUsesRequest;
      readonly response: responses.CountSegmentUsesResponse;
    };
    readonly ListWarmPrefixes: {
      readonly request: requests.ListWarmPrefixesRequest;
      readonly response: responses.ListWarmPrefixesResponse;
    };
    readonly FindSimilar: {
      readonly request: requests.FindSimilarRequest;
      readonly response: responses.FindSimilarResponse;
    };
    readonly FindDuplicates: {
      readonly request: requests.FindDuplicatesRequest;
      readonly response: responses.FindDuplicatesResponse;
    };
  };
}
