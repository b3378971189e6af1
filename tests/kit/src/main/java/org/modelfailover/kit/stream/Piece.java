package org.modelfailover.kit.stream;

/**
 * Bytes of a body as they came in.
 *
 * @param millis since the request was sent
 */
public record Piece(long millis, byte[] bytes) {}
