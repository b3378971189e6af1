package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.modelfailover.kit.ProviderProcess;
import org.wso2.carbon.apimgt.api.APIManagementException;
import org.wso2.carbon.apimgt.impl.utils.AWSUtil;

import java.util.Map;

/** What {@link Signature} accepts of the host's signer, and what it refuses. */
class SignatureTest {
    private static final String BODY = "{\"text\":\"Grüße\"}";

    /** A call with the headers of the host's signer for a canonical path and query. */
    private static ProviderProcess.Call call(
            String signedPath, String signedQuery, String path, String host, String body)
            throws APIManagementException {
        Map<String, String> signed =
                AWSUtil.generateAWSSignature(
                        "127.0.0.1",
                        "POST",
                        "bedrock",
                        signedPath,
                        signedQuery,
                        BODY,
                        "AKID",
                        "secret",
                        "us-east-1",
                        null,
                        Map.of());
        JsonArray headers = new JsonArray();
        signed.forEach(
                (name, value) -> headers.add(pair(name, name.equals("host") ? host : value)));
        JsonObject log = new JsonObject();
        log.addProperty("method", "POST");
        log.addProperty("path", path);
        log.addProperty("body", body);
        log.add("headers", headers);
        return new ProviderProcess.Call(null, log);
    }

    private static JsonArray pair(String name, String value) {
        JsonArray pair = new JsonArray();
        pair.add(name);
        pair.add(value);
        return pair;
    }

    @ParameterizedTest
    @CsvSource({
        "/model/a%3A0/converse, '', /model/a:0/converse",
        "/model/a%253A0/converse, '', /model/a%3A0/converse",
        "/model/a%252Fb/converse, '', /model/a%2Fb/converse",
        "/model/a/converse, b=2&a=1, /model/a/converse?b=2&a=1",
    })
    void theHostsSignatureOfWhatArrivedStands(String signed, String query, String path)
            throws APIManagementException {
        Signature.assertSigned(
                call(signed, query, path, "127.0.0.1", BODY), "AKID", "secret", "us-east-1");
    }

    @ParameterizedTest
    @CsvSource({
        "/model/b/converse, 127.0.0.1, us-east-1",
        "/model/a/converse?x=1, 127.0.0.1, us-east-1",
        "/model/a/converse, 127.0.0.1:8080, us-east-1",
        "/model/a/converse, 127.0.0.1, eu-west-1",
    })
    void aSignatureOfSomethingElseDoesNot(String path, String host, String region) {
        assertThrows(
                AssertionError.class,
                () ->
                        Signature.assertSigned(
                                call("/model/a/converse", "", path, host, BODY),
                                "AKID",
                                "secret",
                                region));
    }

    @ParameterizedTest
    @CsvSource({"'{\"text\":\"Grüsse\"}', secret", "'{\"text\":\"Grüße\"}', another"})
    void anotherBodyOrKeyDoesNot(String body, String secret) {
        assertThrows(
                AssertionError.class,
                () ->
                        Signature.assertSigned(
                                call(
                                        "/model/a/converse",
                                        "",
                                        "/model/a/converse",
                                        "127.0.0.1",
                                        body),
                                "AKID",
                                secret,
                                "us-east-1"));
    }
}
