// What the gRPC service of the lab and its clients have agreed on: four calls, messages as JSON.
const encode = (message) => Buffer.from(JSON.stringify(message))
const decode = (bytes) => JSON.parse(bytes.toString())

const call = (name, requestStream, responseStream) => ({
  path: `/lab.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: encode,
  requestDeserialize: decode,
  responseSerialize: encode,
  responseDeserialize: decode,
})

export const service = {
  Say: call('Say', false, false),
  Refuse: call('Refuse', false, false),
  Count: call('Count', false, true),
  Chat: call('Chat', true, true),
}
