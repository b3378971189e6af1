package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.RawClient;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;

/** A compressed request is read through its coding, and goes out without it. */
class PackedRequestsTest extends TargetElsewhere {
    private static byte[] packed(String coding, String body) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream packing =
                coding.contains("gzip")
                        ? new GZIPOutputStream(out)
                        : new DeflaterOutputStream(out)) {
            packing.write(body.getBytes());
        }
        return out.toByteArray();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "deflate", "identity, GZIP"})
    void whatIsForTheTargetGoesOutUnpacked(String coding) throws IOException {
        deployWithTargetElsewhere();

        RawClient.Answer answer =
                send(packed(coding.toLowerCase(), chat("gpt-4o")), "Content-Encoding", coding);

        assertServedBy("target", answer);
        assertEquals(chat("gpt-4o"), target.only().text());
        assertNull(target.only().header("Content-Encoding"));
    }

    @Test
    void twoHeadersAreTwoCodings() throws IOException {
        deployWithTargetElsewhere();
        byte[] once = packed("gzip", chat("gpt-4o"));
        ByteArrayOutputStream twice = new ByteArrayOutputStream();
        try (OutputStream packing = new GZIPOutputStream(twice)) {
            packing.write(once);
        }

        RawClient.Answer answer =
                send(twice.toByteArray(), "Content-Encoding", "gzip", "Content-Encoding", "gzip");

        assertServedBy("target", answer);
        assertEquals(chat("gpt-4o"), target.only().text());
    }

    @Test
    void whatIsForAnotherModelArrivesByteForByte() throws IOException {
        deployWithTargetElsewhere();
        byte[] body = packed("gzip", chat("another-model"));

        send(body, "Content-Encoding", "gzip");

        assertEquals(List.of(), target.calls());
        assertArrayEquals(body, standard.only().body());
        assertEquals("gzip", standard.only().header("Content-Encoding"));
    }

    @Test
    void twoPoliciesReadTheSameBytes() throws IOException {
        deploy(
                api(standard, target)
                        .failover(FailoverConfigs.target("model-a", "two").attributes())
                        .failover(FailoverConfigs.target("model-b", "two").attributes()));

        assertServedBy("target", send(packed("gzip", chat("model-b")), "Content-Encoding", "gzip"));

        assertEquals(chat("model-b"), target.only().text());
    }

    @Test
    void aCodingThatIsNotKnownIsNamed() {
        deployWithTargetElsewhere();

        RawClient.Answer answer = send("whatever".getBytes(), "Content-Encoding", "compress");

        assertEquals(415, answer.status(), answer.text());
        assertTrue(answer.text().contains("compressed with compress"), answer.text());
        assertEquals(List.of(), target.calls());
        assertEquals(List.of(), standard.calls());
    }

    @Test
    void whatIsNotWhatItsCodingSaysIsTheCallersMistake() {
        deployWithTargetElsewhere();

        RawClient.Answer answer = send(chat("gpt-4o").getBytes(), "Content-Encoding", "gzip");

        assertEquals(400, answer.status(), answer.text());
        assertTrue(answer.text().contains("not valid gzip"), answer.text());
    }
}
