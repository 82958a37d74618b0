/** Tags that stay mutable where all others are not. */
export const CACHE_TAGS = "cache-*";
/** A push that is never committed leaves manifests without a tag. Hashes are only removed by those who know who uses them. */
export const LIFECYCLE_POLICY = {
  rules: [
    {
      rulePriority: 1,
      description: "Build cache that nobody used for 14 days",
      selection: {
        tagStatus: "tagged",
        tagPatternList: [CACHE_TAGS],
        countType: "sinceImagePushed",
        countUnit: "days",
        countNumber: 14,
      },
      action: { type: "expire" },
    },
    {
      rulePriority: 2,
      description: "What was pushed and never got a tag",
      selection: { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: 7 },
      action: { type: "expire" },
    },
  ],
};
