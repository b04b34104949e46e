/** Where `dockerfile_inline`, or a Dockerfile from outside its context, stands in the context that the client sends. */
export const INLINE_DOCKERFILE = '.evenkeel-inline.Dockerfile'
