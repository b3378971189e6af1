package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.RawClient;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;

/** A compressed request is read through its coding, and goes out without it. */
class PackedRequestsTest extends GatewayTest {
    private ProviderProcess standard;
    private ProviderProcess target;

    @BeforeEach
    void providers() {
        standard = provider("standard");
        target = provider("target");
    }

    private void deployWithTargetElsewhere() {
        deploy(api(standard, target), FailoverConfigs.target("gpt-4o", "two"));
    }

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

    private RawClient.Answer send(String coding, byte[] body) {
        return client().send(
                        RawClient.head("Content-Encoding", coding)
                                + "Content-Length: "
                                + body.length
                                + "\n\n")
                .send(body)
                .answer();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "deflate", "identity, GZIP"})
    void whatIsForTheTargetGoesOutUnpacked(String coding) throws IOException {
        deployWithTargetElsewhere();

        RawClient.Answer answer = send(coding, packed(coding.toLowerCase(), chat("gpt-4o")));

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
        byte[] body = twice.toByteArray();

        RawClient.Answer answer =
                client().send(
                                RawClient.head(
                                                "Content-Encoding", "gzip",
                                                "Content-Encoding", "gzip")
                                        + "Content-Length: "
                                        + body.length
                                        + "\n\n")
                        .send(body)
                        .answer();

        assertServedBy("target", answer);
        assertEquals(chat("gpt-4o"), target.only().text());
    }

    @Test
    void whatIsForAnotherModelArrivesByteForByte() throws IOException {
        deployWithTargetElsewhere();
        byte[] body = packed("gzip", chat("another-model"));

        send("gzip", body);

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

        assertServedBy("target", send("gzip", packed("gzip", chat("model-b"))));

        assertEquals(chat("model-b"), target.only().text());
    }

    @Test
    void aCodingThatIsNotKnownIsNamed() {
        deployWithTargetElsewhere();

        RawClient.Answer answer = send("compress", "whatever".getBytes());

        assertEquals(415, answer.status(), answer.text());
        assertTrue(answer.text().contains("compressed with compress"), answer.text());
        assertEquals(List.of(), target.calls());
        assertEquals(List.of(), standard.calls());
    }

    @Test
    void whatIsNotWhatItsCodingSaysIsTheCallersMistake() {
        deployWithTargetElsewhere();

        RawClient.Answer answer = send("gzip", chat("gpt-4o").getBytes());

        assertEquals(400, answer.status(), answer.text());
        assertTrue(answer.text().contains("not valid gzip"), answer.text());
    }
}
