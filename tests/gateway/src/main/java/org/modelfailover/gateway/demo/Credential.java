package org.modelfailover.gateway.demo;

import com.google.gson.JsonElement;

import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.ProviderProcess.Call;

import java.util.List;

/**
 * A credential of the gateway at a provider.
 *
 * @param inQuery whether it goes into the URL instead of a header
 * @param name of the header or query parameter
 * @param value all of it
 */
record Credential(boolean inQuery, String name, String value) {
    static final Credential EU = new Credential(false, "Authorization", "Bearer sk-eu-51c07a9e2f");
    static final Credential US = new Credential(true, "api-key", "us-88d1e0b67c");
    static final Credential SANDBOX = new Credential(false, "x-api-key", "sandbox-0f3b29ad54");
    static final List<Credential> ALL = List.of(EU, US, SANDBOX);

    private static final int SHOWN = 5;

    TestDeployment put(TestDeployment deployment) {
        return inQuery ? deployment.queryKey(name, value) : deployment.headerKey(name, value);
    }

    boolean isIn(Call call) {
        return inQuery
                ? call.path().contains(name + "=" + value)
                : call.headers(name).contains(value);
    }

    /** Whether the call carries this credential and none of the others. */
    boolean isOnlyOneIn(Call call) {
        return isIn(call)
                && ALL.stream()
                        .filter(other -> other != this)
                        .noneMatch(other -> carries(call, other.value))
                && !carries(call, Question.PRODUCTION_TOKEN)
                && !carries(call, Question.SANDBOX_TOKEN);
    }

    /** Everything that reached the provider, to look for what must not. */
    private static boolean carries(Call call, String secret) {
        return call.path().contains(secret)
                || call.log().getAsJsonArray("headers").asList().stream()
                        .map(JsonElement::getAsJsonArray)
                        .anyMatch(header -> header.get(1).getAsString().equals(secret));
    }

    /** Which of them a call carries, masked. */
    static String toldOf(Call call) {
        return ALL.stream()
                .filter(credential -> credential.isIn(call))
                .findFirst()
                .map(credential -> "with " + credential)
                .orElse("without a credential");
    }

    /** Masked. */
    @Override
    public String toString() {
        int secret = value.lastIndexOf(' ') + 1;
        String masked = value.substring(0, secret + SHOWN) + "…";
        return inQuery ? "?" + name + "=" + masked : name + ": " + masked;
    }
}
