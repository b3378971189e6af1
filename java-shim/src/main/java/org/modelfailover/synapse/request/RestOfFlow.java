package org.modelfailover.synapse.request;

import org.apache.axis2.addressing.EndpointReference;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.synapse.Mediator;
import org.apache.synapse.MessageContext;
import org.apache.synapse.config.xml.SwitchCase;
import org.apache.synapse.mediators.ListMediator;
import org.apache.synapse.mediators.base.SequenceMediator;
import org.apache.synapse.mediators.ext.ClassMediator;
import org.apache.synapse.mediators.filters.FilterMediator;
import org.apache.synapse.mediators.filters.SwitchMediator;
import org.apache.synapse.rest.Handler;
import org.modelfailover.synapse.engine.Engine;
import org.modelfailover.synapse.engine.Properties;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What the engine does with a request after a mediator of its API: the mediators behind it, those
 * behind each list that it stands in, then the API's handlers that follow, the choice of a resource
 * and that resource's mediators.
 *
 * <p>The engine has all that on the worker's stack. So it can be told only where everything on that
 * stack is understood: sequences, branches of filter and switch, and the two ways in which an API
 * comes to its mediators. Whoever finds nothing here has to keep the worker.
 */
final class RestOfFlow {
    private static final Log LOG = LogFactory.getLog(RestOfFlow.class);

    /** What may stand on the stack between an API and a mediator of its. */
    private static final Set<String> UNDERSTOOD =
            Set.of(
                    "org.apache.synapse.mediators.AbstractListMediator",
                    "org.apache.synapse.mediators.base.SequenceMediator",
                    "org.apache.synapse.mediators.ext.ClassMediator",
                    "org.apache.synapse.mediators.filters.FilterMediator",
                    "org.apache.synapse.mediators.filters.SwitchMediator",
                    "org.apache.synapse.config.xml.AnonymousListMediator",
                    "org.apache.synapse.config.xml.SwitchCase");

    /**
     * Of API Manager's handlers, the one that runs policies; what it has done so far, and what is
     * left for it to do after them, is known.
     */
    private static final String RUNS_POLICIES = "ExtensionHandler";

    /** A list of mediators, and which of them comes next. */
    private static final class Step {
        final ListMediator list;
        final int next;

        /** Whether the list is a branch of the mediator that holds it, or a sequence. */
        final boolean branch;

        Step(ListMediator list, int next, boolean branch) {
            this.list = list;
            this.next = next;
            this.branch = branch;
        }
    }

    private final List<Step> steps;
    private final Object api;
    private final List<Handler> handlers;

    /**
     * @param handlers those that follow; null when the resource was chosen before
     */
    private RestOfFlow(List<Step> steps, Object api, List<Handler> handlers) {
        this.steps = steps;
        this.api = api;
        this.handlers = handlers;
    }

    /**
     * What comes after a mediator, seen from its own thread while it is at work.
     *
     * @return null when it is not known
     */
    static RestOfFlow after(Mediator mediator, MessageContext context) {
        try {
            Object api = Engine.api(context);
            return api == null ? null : after(mediator, context, api);
        } catch (ReflectiveOperationException | RuntimeException e) {
            LOG.debug("What comes after the policy is not known", e);
            return null;
        }
    }

    private static RestOfFlow after(Mediator mediator, MessageContext context, Object api)
            throws ReflectiveOperationException {
        List<Handler> all = Engine.of().handlers(context);
        Object[] resources = Engine.resources(context);
        int handler = -1;
        boolean inResource = false;
        boolean inApi = false;
        for (String name : callers(mediator)) {
            if (name.equals(api.getClass().getName())) {
                inApi = true;
                break;
            } else if (resources.length > 0 && name.equals(resources[0].getClass().getName())) {
                inResource = true;
            } else if (name.endsWith(RUNS_POLICIES)) {
                handler = indexOf(all, name);
            } else if (inResource || handler >= 0 || !UNDERSTOOD.contains(name)) {
                return null;
            }
        }
        if (!inApi || inResource == handler >= 0) {
            return null;
        }
        Mediator root = inResource ? inSequence(context, resources) : policies(context);
        List<Step> steps = root == null ? null : new Search(context, mediator).from(root);
        List<Handler> following = inResource ? null : all.subList(handler + 1, all.size());
        return steps == null ? null : new RestOfFlow(steps, api, following);
    }

    /** The classes on this thread's stack, from the first that is not ours. */
    private static List<String> callers(Mediator mediator) {
        String own = mediator.getClass().getPackageName() + ".";
        return StackWalker.getInstance()
                .walk(
                        frames ->
                                frames.map(StackWalker.StackFrame::getClassName)
                                        .dropWhile(name -> name.startsWith(own))
                                        .limit(200)
                                        .collect(Collectors.toList()));
    }

    /** Only where there is one such: a second one would be as good an answer. */
    private static int indexOf(List<Handler> handlers, String name) {
        int found = -1;
        for (int i = 0; i < handlers.size(); i++) {
            if (handlers.get(i).getClass().getName().equals(name)) {
                if (found >= 0) {
                    return -1;
                }
                found = i;
            }
        }
        return found;
    }

    /** The last of the sequences that the handler of policies runs. */
    private static Mediator policies(MessageContext context) {
        return context.getSequence(context.getProperty(Properties.REST_API) + "--In");
    }

    private static Mediator inSequence(MessageContext context, Object[] resources)
            throws ReflectiveOperationException {
        Object chosen = context.getProperty(Properties.RESOURCE);
        for (Object resource : resources) {
            if (Engine.call(resource, "getName").equals(chosen)) {
                Object sequence = Engine.call(resource, "getInSequence");
                Object key = Engine.call(resource, "getInSequenceKey");
                return sequence != null
                        ? (Mediator) sequence
                        : key == null ? null : context.getSequence(key.toString());
            }
        }
        return null;
    }

    /** Looks for the one way from a sequence to a mediator. */
    private static final class Search {
        private static final int DEEPEST = 50;

        /** Sequences can name each other many times over. */
        private static final int MOST_VISITS = 10_000;

        private final MessageContext context;
        private final Mediator wanted;
        private final Deque<Step> way = new ArrayDeque<>();
        private List<Step> found;
        private int times;
        private int visits;

        Search(MessageContext context, Mediator wanted) {
            this.context = context;
            this.wanted = wanted;
        }

        /** The lists on the way, the innermost first; null when there is not exactly one way. */
        List<Step> from(Mediator root) {
            visit(root);
            return times == 1 && visits < MOST_VISITS ? found : null;
        }

        private void visit(Mediator at) {
            if (at instanceof ClassMediator) {
                if (((ClassMediator) at).getMediator() == wanted) {
                    times++;
                    found = new ArrayList<>(way);
                }
            } else if (at instanceof SwitchMediator) {
                ((SwitchMediator) at).getCases().forEach(this::visit);
                visit(((SwitchMediator) at).getDefaultCase());
            } else if (at instanceof FilterMediator) {
                FilterMediator filter = (FilterMediator) at;
                visit(filter, true);
                visit(filter.getElseMediator(), true);
                visit(filter.getThenKey());
                visit(filter.getElseKey());
            } else if (at instanceof SequenceMediator) {
                SequenceMediator sequence = (SequenceMediator) at;
                if (sequence.getKey() == null) {
                    visit(sequence, false);
                } else {
                    visit(sequence.getKey().getKeyValue());
                }
            }
        }

        private void visit(SwitchCase one) {
            if (one != null) {
                visit(one.getCaseMediator(), true);
            }
        }

        private void visit(String key) {
            if (key != null) {
                visit(context.getSequence(key));
            }
        }

        private void visit(ListMediator list, boolean branch) {
            if (list == null || way.size() >= DEEPEST) {
                return;
            }
            List<Mediator> children = list.getList();
            for (int i = 0; i < children.size() && visits < MOST_VISITS; i++) {
                visits++;
                way.push(new Step(list, i + 1, branch));
                visit(children.get(i));
                way.pop();
            }
        }
    }

    /** Does it, on the context that the mediator has seen. */
    void mediate(MessageContext context) {
        Engine engine = Engine.of();
        for (Step step : steps) {
            if (!engine.mediateFrom(step.list, step.next, context)) {
                return;
            }
            engine.leave(step.list, step.branch, context);
        }
        if (handlers != null) {
            nameEndpoint(context);
            engine.process(api, handlers, context);
        }
    }

    /** What is left for the handler of policies to do; the rest of it happens in any case. */
    private static void nameEndpoint(MessageContext context) {
        EndpointReference to = context.getTo();
        if (to != null && to.getAddress() != null) {
            context.setProperty(Properties.ENDPOINT_ADDRESS, to.getAddress());
        }
    }
}
