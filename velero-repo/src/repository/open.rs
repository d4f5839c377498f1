//! Opening and creating a repository; reading contents and manifests.
