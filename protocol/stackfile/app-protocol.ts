/** What is spoken on a port: `app_protocol` of `ports`, and of a route. */

/** What the ingress takes apart; all else is TCP to it. */
export const isHttp = (protocol: string | undefined): boolean => protocol === 'http' || isHttp2(protocol)

/** HTTP/2 without TLS, from the first byte on ("prior knowledge"). */
export const isHttp2 = (protocol: string | undefined): boolean => protocol !== undefined && HTTP_2.includes(protocol)

const HTTP_2 = ['grpc', 'h2c', 'http2']

/** What a route may say. */
export const ROUTE_PROTOCOLS = ['http', ...HTTP_2]
