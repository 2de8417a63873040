/** Tags as they are found: a resource's own over the provider's default tags. */
import type { Props } from "../../values.js";
import type { AwsContext } from "../context.js";

/**
 * The tags found on a resource, as the provider says them: `tags` is what the resource itself has,
 * without default tags that the program doesn't repeat.
 */
export function tagsFound(aws: AwsContext, tagsAll: Record<string, string>, known: Props): Props {
  const defaults = aws.allTags({});
  const tags = Object.fromEntries(
    Object.entries(tagsAll).filter(([key, value]) => defaults[key] !== value || key in (known.tags ?? {})),
  );
  return { tags, tagsAll };
}
