package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.modelfailover.kit.ProviderProcess;

import software.amazon.awssdk.http.ContentStreamProvider;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.HttpSigner;
import software.amazon.awssdk.identity.spi.AwsCredentialsIdentity;

import java.net.URI;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An AWS Signature Version 4 as AWS would judge it: over what arrived, by AWS's own signer. */
final class Signature {
    private static final Pattern AUTHORIZATION =
            Pattern.compile(
                    "AWS4-HMAC-SHA256 Credential=([^/]+)/\\d{8}/([^/]+)/([^/]+)/aws4_request,"
                            + " *SignedHeaders=([^,]+), *Signature=[0-9a-f]{64}");
    private static final DateTimeFormatter AMZ_DATE =
            DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmssX");

    /** What the signer sets by itself. */
    private static final Set<String> OF_THE_SIGNER =
            Set.of("host", "x-amz-date", "x-amz-content-sha256");

    private Signature() {}

    /** Fails unless the call was signed with this key, and not changed since. */
    static void assertSigned(
            ProviderProcess.Call call, String accessKey, String secret, String region) {
        String authorization = call.header("Authorization");
        assertNotNull(authorization, () -> "not signed: " + call.log());
        Matcher parts = AUTHORIZATION.matcher(authorization);
        assertTrue(parts.matches(), () -> "not a signature: " + authorization);
        assertEquals(List.of(accessKey, region), List.of(parts.group(1), parts.group(2)));
        assertEquals("application/json", call.header("Content-Type"));

        SdkHttpRequest.Builder request =
                SdkHttpRequest.builder()
                        .method(SdkHttpMethod.fromValue(call.method()))
                        .uri(URI.create("http://" + call.header("Host") + call.path()));
        for (String header : parts.group(4).split(";")) {
            if (!OF_THE_SIGNER.contains(header)) {
                call.headers(header).forEach(value -> request.appendHeader(header, value));
            }
        }
        Instant signed = AMZ_DATE.parse(call.header("x-amz-date"), Instant::from);
        SdkHttpRequest again =
                AwsV4HttpSigner.create()
                        .sign(
                                r ->
                                        r.identity(AwsCredentialsIdentity.create(accessKey, secret))
                                                .request(request.build())
                                                .payload(
                                                        ContentStreamProvider.fromByteArray(
                                                                call.body()))
                                                .putProperty(
                                                        AwsV4HttpSigner.SERVICE_SIGNING_NAME,
                                                        parts.group(3))
                                                .putProperty(AwsV4HttpSigner.REGION_NAME, region)
                                                .putProperty(
                                                        HttpSigner.SIGNING_CLOCK,
                                                        Clock.fixed(signed, ZoneOffset.UTC)))
                        .request();
        assertEquals(
                again.firstMatchingHeader("Authorization").orElseThrow(),
                authorization,
                () -> "what arrived is not what was signed: " + call.log());
    }
}
