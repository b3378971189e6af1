package org.modelfailover.gateway.demo;

import org.modelfailover.gateway.TestDeployment;

import java.util.List;
import java.util.Locale;

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
                : value.equals(call.headers().get(name.toLowerCase(Locale.ROOT)));
    }

    /** Whether the call carries this credential and none of the others. */
    boolean isOnlyOneIn(Call call) {
        return isIn(call)
                && ALL.stream()
                        .filter(other -> other != this)
                        .noneMatch(other -> leaked(other, call))
                && !call.carries(Question.PRODUCTION_TOKEN)
                && !call.carries(Question.SANDBOX_TOKEN);
    }

    private static boolean leaked(Credential other, Call call) {
        return call.carries(other.value);
    }

    /** Masked. */
    @Override
    public String toString() {
        int secret = value.lastIndexOf(' ') + 1;
        String masked = value.substring(0, secret + SHOWN) + "…";
        return inQuery ? "?" + name + "=" + masked : name + ": " + masked;
    }
}
