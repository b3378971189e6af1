package org.modelfailover.apimanager;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;

import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.ProviderProcess;

import java.util.ArrayList;
import java.util.List;

/** The way in which a provider wants to be shown a key. Each endpoint has a key of its own. */
enum ProviderKey {
    AUTHORIZATION("Authorization", "Bearer "),
    API_KEY("api-key", ""),
    X_API_KEY("x-api-key", ""),
    X_GOOG_API_KEY("X-goog-api-key", ""),
    QUERY("key", "") {
        @Override
        void give(TestDeployment api, String endpoint) {
            api.queryKey("key", secret(endpoint));
        }
    },
    AWS("Authorization", "") {
        @Override
        void give(TestDeployment api, String endpoint) {
            api.awsKey(secret(endpoint), SIGNING_KEY + endpoint, region(endpoint), "bedrock");
        }

        @Override
        String seen(ProviderProcess.Call call, String endpoint) {
            Signature.assertSigned(
                    call, secret(endpoint), SIGNING_KEY + endpoint, region(endpoint));
            return "`" + call.header("Authorization").split(" ")[0] + "`";
        }
    };

    /** What the caller says to the gateway; no provider may see it. */
    static final String CALLERS = "sk-secret-of-the-caller";

    private static final String SIGNING_KEY = "wJalrXUtnFEMI/sign-";

    private final String header;
    private final String scheme;

    ProviderKey(String header, String scheme) {
        this.header = header;
        this.scheme = scheme;
    }

    private static String secret(String endpoint) {
        return "sk-secret-" + endpoint;
    }

    private static String region(String endpoint) {
        return endpoint.equals("one") ? "eu-central-1" : "us-west-2";
    }

    /** Gives the API's last endpoint its key. */
    void give(TestDeployment api, String endpoint) {
        api.headerKey(header, scheme + secret(endpoint));
    }

    /** Where a call carries the key of the endpoint, in Markdown. */
    String seen(ProviderProcess.Call call, String endpoint) {
        List<String> places = new ArrayList<>();
        for (JsonElement one : call.log().getAsJsonArray("headers")) {
            JsonArray header = one.getAsJsonArray();
            String value = header.get(1).getAsString();
            if (value.contains(secret(endpoint))) {
                assertEquals(scheme + secret(endpoint), value);
                // As it is configured: HTTP doesn't care for its case.
                boolean known = header.get(0).getAsString().equalsIgnoreCase(this.header);
                places.add("`" + (known ? this.header : header.get(0).getAsString()) + "`");
            }
        }
        for (String parameter : call.path().split("[?&]")) {
            if (parameter.endsWith("=" + secret(endpoint))) {
                places.add("`?" + parameter.replace(secret(endpoint), "") + "`");
            }
        }
        return String.join(", ", places);
    }

    /** The path with its query as it is without the key. */
    static String withoutKey(String path) {
        return path.replaceFirst("[?&]key=sk-secret-[a-z]+$", "");
    }

    /**
     * Fails when a call carries what belongs to the other endpoint, to AWS's signer or the caller.
     */
    static void assertNobodyElses(ProviderProcess.Call call, String other) {
        for (String secret :
                List.of(secret(other), SIGNING_KEY, CALLERS, GatewayTest.GATEWAY_KEY)) {
            assertFalse(
                    call.log().toString().contains(secret),
                    () -> "a provider was sent " + secret + ": " + call.log());
        }
    }
}
